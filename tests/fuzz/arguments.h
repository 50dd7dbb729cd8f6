/* SPDX-License-Identifier: MIT */
/* Command lines that are parsed beside a main(): its file is included, renamed. */
#ifndef FUZZ_ARGUMENTS_H
#define FUZZ_ARGUMENTS_H

int edu_arguments(int argc, char **argv);
int parport_arguments(int argc, char **argv);

#endif
