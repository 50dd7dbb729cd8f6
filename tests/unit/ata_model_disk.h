/* SPDX-License-Identifier: MIT */
/* Within the model: what a disk does with what its channel hears. */
#ifndef ATA_MODEL_DISK_H
#define ATA_MODEL_DISK_H

#include "ata_model.h"

/* The driver did that; it counts if @fault. */
void ata_model_blame(struct ata_model *m, bool fault, const char *what);
struct ata_model_disk *ata_model_selected(struct ata_model_channel *c);

void ata_disk_command(struct ata_model *m, struct ata_model_channel *c,
		      struct ata_model_disk *d, uint8_t command);
void ata_disk_start_dma(struct ata_model *m, struct ata_model_disk *d);

/* The data register: what was read. */
uint64_t ata_disk_data(struct ata_model *m, struct ata_model_disk *d,
		       unsigned width, bool read, uint64_t value);

/* What it does next is due. */
void ata_disk_happen(struct ata_model *m, struct ata_model_channel *c,
		     struct ata_model_disk *d);

void ata_disk_begin_reset(struct ata_model_disk *d);
void ata_disk_end_reset(struct ata_model *m, struct ata_model_disk *d);

#endif
