#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""udrv-kbd on QEMU's keyboard and mouse, beside the kernel's own drivers."""

import errno
import os
import random
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from ps2_tools import (  # noqa: E402
    BTN_EXTRA, BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, COMMAND, DATA,
    DEVICE, EV_KEY, EV_LED, EV_REL, INPUT_EVENT, KEY_A, KEY_B, KEY_CAPSLOCK,
    KEY_X, LED_CAPSL, LED_NUML, LED_SCROLLL, REL_WHEEL, REL_X, REL_Y, Driver,
    Event, Host, Input, find_input, give_to_kernel, give_to_udrv, inject, read,
    read_config, run_program, tool, write)
from script import SLOW, Failure, Skip, check, main, wait_for  # noqa: E402

# That of a controller which translates, as the firmware had it.
KERNEL_KEYBOARD = "AT Translated Set 2 keyboard"
KEYBOARD = "udrv PS/2 keyboard"
MOUSE = "udrv PS/2 mouse"

PLAIN_KEYS = """
esc 1 2 3 4 5 6 7 8 9 0 minus equal backspace tab q w e r t y u i o p
bracket_left bracket_right ret a s d f g h j k l semicolon apostrophe
grave_accent backslash z x c v b n m comma dot slash spc f1 f2 f3 f4 f5 f6 f7 f8
f9 f10 f11 f12 less kp_0 kp_1 kp_2 kp_3 kp_4 kp_5 kp_6 kp_7 kp_8 kp_9
kp_decimal kp_add kp_subtract kp_multiply
""".split()

# All of QEMU's QKeyCode that are not above.
OTHER_KEYS = """
shift shift_r alt alt_r ctrl ctrl_r menu caps_lock num_lock scroll_lock
kp_divide kp_enter sysrq print home pgup pgdn end left up down right insert
delete stop again props undo front copy open paste find cut lf help meta_l
meta_r compose pause ro hiragana henkan yen muhenkan katakanahiragana kp_comma
kp_equals power sleep wake audionext audioprev audiostop audioplay audiomute
volumeup volumedown mediaselect mail calculator computer ac_home ac_back
ac_forward ac_refresh ac_bookmarks lang1 lang2
""".split()

# Keys that some others make say something else.
CHORDS = [("shift", "home"), ("shift_r", "kp_divide"), ("ctrl", "pause"),
          ("ctrl", "print"), ("alt", "print"), ("alt_r", "print"),
          ("shift", "left"), ("num_lock", "insert"), ("shift", "print")]


def sequence_of(host: Host, device: Input, keys: tuple[str, ...]) -> list[Event]:
    """What the device reports of keys that go down and come up in turn."""
    steps = [(host.down, each) for each in keys]
    steps += [(host.up, each) for each in reversed(keys)]
    for send, each in steps:
        send(each)
        # Alt and Print are more bytes than QEMU has room for at once, if the
        # driver looks only now and then.
        if len(keys) > 1:
            time.sleep(0.05)
    # What is not reported at all ends here too.
    host.tap("x")
    got = device.take((EV_KEY, KEY_X, 1))
    device.expect((EV_KEY, KEY_X, 0))
    return got


def every_sequence(host: Host, *names: str) -> dict[str, list[Event]]:
    """All keys and chords, as the input device of this name reports them."""
    device = Input(*names)
    got = {}
    for each in [*PLAIN_KEYS, *OTHER_KEYS]:
        if each != "x":
            got[each] = sequence_of(host, device, (each,))
    for chord in CHORDS:
        got["-".join(chord)] = sequence_of(host, device, chord)
    device.close()
    return got


def every_key_as_the_kernel_has_it() -> None:
    """Set 1, set 2, with and without interrupts: what i8042 and atkbd report."""
    host = Host()
    sysrq = Path("/proc/sys/kernel/sysrq")
    if sysrq.exists():  # else it keeps Alt+SysRq to itself, for a while
        sysrq.write_text("0")
    give_to_kernel()
    want = every_sequence(host, KERNEL_KEYBOARD)
    known = [each for each, events in want.items() if events]
    check(len(known) > 130, f"the kernel knows {len(known)} keys only")
    print(f"silent: {[each for each, events in want.items() if not events]}")
    give_to_udrv()
    for args in ((), ("--scancodes", "2"), ("--poll",)):
        driver = Driver("--uinput", *args)
        got = every_sequence(host, KEYBOARD)
        driver.stop()
        different = {each: (got[each], want[each]) for each in want
                     if got[each] != want[each]}
        check(not different, f"{args}: not as the kernel has it: {different}")


def thousand_keys(host: Host, device: Input, seed: int) -> None:
    """As fast as QEMU's 16 bytes allow: none lost, doubled or out of order."""
    keys = random.Random(seed).choices(PLAIN_KEYS, k=1000)
    codes: dict[str, int] = {}
    for each in set(keys):
        host.tap(each)
        device.until(lambda: len(device.events) >= 2, each)
        codes[each] = device.events[0][1]
        device.events.clear()
    want = [(EV_KEY, codes[each], value) for each in keys for value in (1, 0)]
    sent = 0
    while len(device.events) < len(want):
        # Three bytes each: five are in the queue at most.
        while sent < len(keys) and sent - len(device.events) // 2 < 5:
            host.tap(keys[sent])
            sent += 1
        before = len(device.events)
        device.until(lambda n=before: len(device.events) > n, "the next key")
    check(device.events == want, "not what was typed")
    device.events.clear()


def a_thousand_keys() -> None:
    """In both sets."""
    host = Host()
    give_to_udrv()
    for set_ in ("1", "2"):
        driver = Driver("--uinput", "--scancodes", set_)
        device = Input(KEYBOARD)
        thousand_keys(host, device, int(set_))
        device.quiet()
        device.close()
        driver.stop()


def prints_keys_and_motion() -> None:
    """--print, both sets; what is down when it ends comes up."""
    host = Host()
    give_to_udrv()
    for set_ in ("1", "2"):
        driver = Driver("--print", "--scancodes", set_)
        host.tap("a")
        check(driver.take("KEY_A up") == ["KEY_A down"], "not A")
        host.tap("pause")
        check(driver.take("KEY_PAUSE up") == ["KEY_PAUSE down"], "not Pause")
        host.move(5, 0)
        check(driver.take("REL_X 5") == [], "something before REL_X")
        host.move(-3, 7)
        lines = driver.take("REL_Y 7")
        check(lines == ["REL_X -3"], f"REL_Y 7 after {lines}")
        host.button("left", True)
        host.button("left", False)
        check(driver.take("BTN_LEFT up") == ["BTN_LEFT down"], "not the button")
        host.down("shift", "up")
        driver.take("KEY_UP down")
        host.button("right", True)
        driver.take("BTN_RIGHT down")
        lines = [each for each in driver.stop() if "repeat" not in each]
        check(sorted(lines) == ["BTN_RIGHT up", "KEY_LEFTSHIFT up", "KEY_UP up"],
              f"at the end: {lines}")
        host.up("shift", "up")
        # QEMU's mouse takes no notice while nobody drives it.
        driver = Driver("--print")
        host.button("right", False)
        driver.stop()


def repeats_as_it_is_told() -> None:
    """The keyboard's own repetition is shown, and the kernel's on uinput."""
    host = Host()
    give_to_udrv()
    driver = Driver("--print", "--no-mouse", "--scancodes", "2")
    fd = driver.device()
    inject(fd, 0x1c, 0x1c, 0x1c, 0xf0, 0x1c)
    os.close(fd)  # it keeps the device from the next driver
    check(driver.take("KEY_A up") == ["KEY_A down", "KEY_A repeat", "KEY_A repeat"],
          "not repeated")
    driver.stop()
    driver = Driver("--uinput", "--delay", "100", "--period", "20")
    device = Input(KEYBOARD)
    host.down("a")
    deadline = time.monotonic() + 20
    repeats = 0
    while repeats < 5 and time.monotonic() < deadline:
        try:
            data = os.read(device.fd, 64 * INPUT_EVENT.size)
        except BlockingIOError:
            time.sleep(0.02)
            continue
        repeats += sum(each[2:] == (EV_KEY, KEY_A, 2)
                       for each in INPUT_EVENT.iter_unpack(data))
    host.up("a")
    check(repeats >= 5, "the kernel does not repeat")
    driver.stop()


def leds_follow_the_kernel() -> None:
    """What is written to the input device reaches the keyboard."""
    host = Host()
    give_to_udrv()
    with host.trace("ps2_set_ledstate") as lines:
        driver = Driver("--uinput")
        device = Input(KEYBOARD)
        last = ""
        for leds, bits in (((), 0), ((LED_SCROLLL,), 1), ((LED_NUML,), 2),
                           ((LED_CAPSL,), 4),
                           ((LED_CAPSL, LED_NUML, LED_SCROLLL), 7), ((), 0)):
            for led in (LED_CAPSL, LED_NUML, LED_SCROLLL):
                os.write(device.fd, INPUT_EVENT.pack(0, 0, EV_LED, led,
                                                     led in leds))
            last = f"ledstate {bits}"
            wait_for(last, lambda want=last: (
                lines() or [""])[-1].endswith(want) or want == "ledstate 0"
                and not lines())
        # And keys go on to come in between.
        host.tap("a")
        device.expect((EV_KEY, KEY_A, 1), (EV_KEY, KEY_A, 0))
        driver.stop()


def caps_lock_lights_up() -> None:
    """A key, to the console, which sets the LED: both ways at once."""
    if not Path("/dev/tty1").exists():
        raise Skip("this kernel has no console")
    host = Host()
    give_to_udrv()
    with host.trace("ps2_set_ledstate") as lines:
        driver = Driver("--uinput")
        device = Input(KEYBOARD)
        time.sleep(1)  # the console says what the LEDs are
        before = int((lines() or ["0"])[-1].split()[-1])
        for _ in range(2):
            host.tap("caps_lock")
            device.expect((EV_KEY, KEY_CAPSLOCK, 1), (EV_KEY, KEY_CAPSLOCK, 0))
            wait_for("the LED to change", lambda last=before: (
                int((lines() or ["0"])[-1].split()[-1]) ^ last) & 4)
            before = int(lines()[-1].split()[-1])
        driver.stop()


def the_console_reads_it() -> None:
    """What is typed comes out of the terminal; a dead driver's Shift does not
    stay."""
    if not Path("/dev/tty1").exists():
        raise Skip("this kernel has no console")
    host = Host()
    give_to_udrv()
    driver = Driver("--uinput")
    Input(KEYBOARD).close()
    host.down("shift")
    driver.stop(signal.SIGKILL)
    driver = Driver("--uinput")
    Input(KEYBOARD).close()
    host.up("shift")
    with open("/dev/tty1", "r+b", buffering=0) as terminal:
        host.tap("ret")
        time.sleep(1)
        termios.tcflush(terminal, termios.TCIFLUSH)
        for each in ("u", "d", "r", "v", "minus", "shift"):
            host.down(each)
        host.tap("k")
        host.up("shift")
        host.tap("ret")
        line = terminal.read(64)
    for each in ("u", "d", "r", "v", "minus"):
        host.up(each)
    check(line == b"udrv-K\n", f"the terminal has {line!r}")
    driver.stop()


def sysrq_works() -> None:
    """Alt+SysRq+H: the kernel prints its help."""
    if not Path("/proc/sys/kernel/sysrq").exists():
        raise Skip("this kernel has no SysRq")
    host = Host()
    give_to_udrv()
    Path("/proc/sys/kernel/sysrq").write_text("1")
    driver = Driver("--uinput")
    Input(KEYBOARD).close()
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(log, 0, os.SEEK_END)
    host.down("alt", "print", "h")
    host.up("h", "print", "alt")

    def helped() -> bool:
        try:
            return b"sysrq: HELP" in os.read(log, 8192)
        except BlockingIOError:
            return False
    wait_for("the help of SysRq", helped)
    driver.stop()


def the_mouse() -> None:
    """Motion both ways, five buttons, the wheel; with and without interrupts."""
    host = Host()
    give_to_udrv()
    for args in ((), ("--poll",), ("--scancodes", "2")):
        driver = Driver("--uinput", *args)
        device = Input(MOUSE)
        for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1), (100, -100),
                       (-127, 127)):
            host.move(dx, dy)
            device.expect(*(event for event in ((EV_REL, REL_X, dx),
                                                (EV_REL, REL_Y, dy)) if event[2]))
        for name, code in (("left", BTN_LEFT), ("right", BTN_RIGHT),
                           ("middle", BTN_MIDDLE), ("side", BTN_SIDE),
                           ("extra", BTN_EXTRA)):
            host.button(name, True)
            device.expect((EV_KEY, code, 1))
            host.button(name, False)
            device.expect((EV_KEY, code, 0))
        for name, clicks in (("wheel-up", 1), ("wheel-down", -1)):
            host.button(name, True)
            host.button(name, False)
            device.expect((EV_REL, REL_WHEEL, clicks))
        device.quiet()
        device.close()
        driver.stop()


def keyboard_and_mouse_at_once() -> None:
    """Both interrupts, interleaved; each in order."""
    host = Host()
    give_to_udrv()
    driver = Driver("--uinput")
    keys, mouse = Input(KEYBOARD), Input(MOUSE)
    for i in range(1, 101):
        host.tap("a")
        host.move(i, 0)
        host.tap("b")
        keys.expect(*((EV_KEY, code, value) for code in (KEY_A, KEY_B)
                      for value in (1, 0)))
        mouse.expect((EV_REL, REL_X, i))
    driver.stop()


def killed_with_keys_down() -> None:
    """The device and its keys go; the next driver invents and repeats none."""
    host = Host()
    give_to_udrv()
    for set_ in ("1", "2"):
        first = Driver("--uinput", "--scancodes", set_)
        device = Input(KEYBOARD)
        host.down("shift", "a")
        device.until(lambda d=device: (EV_KEY, KEY_A, 1) in d.events, "A down")
        device.events.clear()
        first.stop(signal.SIGKILL)
        device.until(lambda d=device: d.gone, "the end of the device")
        device.close()
        host.tap("b")  # while nobody drives it
        second = Driver("--uinput", "--scancodes", set_)
        device = Input(KEYBOARD)
        device.quiet()
        check(not device.held(), f"{device.held()} are down")
        host.up("a", "shift")
        if set_ == "1":
            # Shift's release is also what a keyboard says that was plugged in,
            # and the successor has not seen it pressed: like the kernel's
            # driver it sets the keyboard up, and what is typed then is lost.
            wait_for("the keyboard to be set up",
                     lambda d=second: "was plugged in" in d.said())
            time.sleep(SLOW)
        host.tap("x")
        device.expect((EV_KEY, KEY_X, 1), (EV_KEY, KEY_X, 0))
        device.quiet()
        device.close()
        second.stop()


def plugged_in_again() -> None:
    """AA from the keyboard, AA 00 from the mouse: both are set up anew."""
    host = Host()
    give_to_udrv()
    driver = Driver("--uinput")
    keys, mouse = Input(KEYBOARD), Input(MOUSE)
    host.down("a")
    keys.expect((EV_KEY, KEY_A, 1))
    with host.trace("ps2_write_*") as lines:
        fd = driver.device()
        inject(fd, 0xaa)
        # Reset, and enabled in the end.
        wait_for("the keyboard to be set up",
                 lambda: [each for each in lines() if "keyboard" in each
                          and each.endswith("val 244")])
        keys.expect((EV_KEY, KEY_A, 0))
        inject(fd, 0xaa, 0x00, mouse=True)
        wait_for("the mouse to be set up",
                 lambda: [each for each in lines() if "mouse" in each
                          and each.endswith("val 244")])
        os.close(fd)
    host.up("a")
    host.tap("b")
    keys.expect((EV_KEY, KEY_B, 1), (EV_KEY, KEY_B, 0))
    host.button("wheel-up", True)
    host.button("wheel-up", False)
    mouse.expect((EV_REL, REL_WHEEL, 1))
    driver.stop()


def lost_and_garbled_bytes() -> None:
    """Overruns, halves of sequences, noise: no key hangs, the next is right."""
    host = Host()
    give_to_udrv()
    driver = Driver("--uinput", "--scancodes", "2")
    keys, mouse = Input(KEYBOARD), Input(MOUSE)
    fd = driver.device()
    for noise in ((0x00,), (0xff,), (0xe0,), (0xf0,), (0xe0, 0xf0), (0xe1, 0x14),
                  (0xfe,), (0xfa,), (0xe1,), (0x02,), (0xe0, 0x02)):
        inject(fd, *noise)
        time.sleep(0.4)  # a pause, by which it knows that the rest is lost
        host.tap("a")
        keys.expect((EV_KEY, KEY_A, 1), (EV_KEY, KEY_A, 0))
    host.down("a")
    keys.expect((EV_KEY, KEY_A, 1))
    inject(fd, 0x00)
    keys.expect((EV_KEY, KEY_A, 0))
    host.up("a")
    for noise in ((0x08,), (0x08, 0x01), (0x01, 0x02), (0x08, 0x01, 0x01)):
        inject(fd, *noise, mouse=True)
        time.sleep(0.4)
        host.move(9, 0)
        mouse.expect((EV_REL, REL_X, 9))
    keys.quiet()
    mouse.quiet()
    os.close(fd)
    driver.stop()


def refused(fd: int, want: int, *steps: tuple[int, ...]) -> None:
    """The program is refused, with this errno."""
    try:
        run_program(fd, *steps)
    except OSError as error:
        check(error.errno == want, f"{steps}: {error}, not errno {want}")
        return
    raise Failure(f"{steps} was allowed")


def no_other_ports() -> None:
    """Two ports of one byte each, and nothing beside them."""
    give_to_udrv()
    fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    run_program(fd, read(COMMAND))
    for region in (DATA, COMMAND):
        refused(fd, errno.EINVAL, read(region, 1))
        refused(fd, errno.EINVAL, read(region, 0, 2))
        refused(fd, errno.EINVAL, read(region, 0, 4))
        refused(fd, errno.EINVAL, read(region, 1 << 32))
        refused(fd, errno.EINVAL, write(region, 0, 1))
    for region in (2, 3, 7, 255):
        refused(fd, errno.ENXIO, read(region))
    os.close(fd)


def leaves_the_controller_as_found() -> None:
    """The configuration byte, after SIGTERM, whatever it was."""
    give_to_udrv()
    fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    found = read_config(fd)
    os.close(fd)
    for args in (("--scancodes", "2"), ("--scancodes", "1"), ("--no-mouse",)):
        driver = Driver("--print", *args)
        driver.stop()
        fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
        now = read_config(fd)
        os.close(fd)
        check(now == found, f"{args}: {now:#x}, not {found:#x}")


def handed_back_to_the_kernel() -> None:
    """After SIGTERM and after a kill, the kernel's own driver types."""
    host = Host()
    for how in (signal.SIGTERM, signal.SIGKILL):
        give_to_udrv()
        driver = Driver("--uinput")
        host.down("a")
        driver.stop(how)
        give_to_kernel()
        host.up("a")
        device = Input(KERNEL_KEYBOARD)
        host.tap("b")
        device.until(lambda d=device: (EV_KEY, KEY_B, 0) in d.events, "B up")
        check((EV_KEY, KEY_A, 1) not in device.events, f"{device.events}")
        device.close()
        check(find_input(KEYBOARD) is None, "the driver's device is still there")


def taken_away() -> None:
    """The device is removed under the driver: it ends, and says why."""
    host = Host()
    give_to_udrv()
    driver = Driver("--uinput")
    device = Input(KEYBOARD)
    host.down("a")
    device.expect((EV_KEY, KEY_A, 1))
    tool("legacy", "remove", "keyboard")
    wait_for("its end", lambda: driver.process.poll() is not None)
    check(driver.process.returncode == 1, "it ended well")
    check("gone" in driver.said(), f"it said: {driver.said()}")
    device.until(lambda: device.gone, "the end of the device")
    host.up("a")


def seen_by_evtest() -> None:
    """The tool that people look at input devices with."""
    host = Host()
    give_to_udrv()
    driver = Driver("--uinput")
    device = Input(KEYBOARD)
    with subprocess.Popen(["stdbuf", "-oL", "evtest", device.path], text=True,
                          stdout=subprocess.PIPE) as evtest:
        said = []
        for line in evtest.stdout:
            said.append(line)
            if "Testing ..." in line:
                host.tap("a")
            if "(KEY_A), value 0" in line:
                break
        evtest.terminate()
    text = "".join(said)
    check(f'"{KEYBOARD}"' in text, text)
    check("(KEY_A), value 1" in text and "LED_CAPSL" in text
          and "Repeat type" in text, text)
    driver.stop()


def tell_udev(device: Input, kind: str) -> None:
    """What udev would find out about the device, where no udev runs."""
    number = Path(f"/sys/class/input/{device.path.name}/dev").read_text().strip()
    entry = Path(f"/run/udev/data/c{number}")
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.write_text(f"I:1\nE:ID_INPUT=1\nE:ID_INPUT_{kind}=1\n")


def seen_by_libinput() -> None:
    """What desktops take keys and motion from."""
    host = Host()
    give_to_udrv()
    driver = Driver("--uinput")
    keys, mouse = Input(KEYBOARD), Input(MOUSE)
    tell_udev(keys, "KEYBOARD")
    tell_udev(mouse, "MOUSE")
    said = []
    with subprocess.Popen(
            ["stdbuf", "-oL", "libinput", "debug-events", "--show-keycodes",
             "--device", keys.path, "--device", mouse.path], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as libinput:
        for line in libinput.stdout:
            said.append(line)
            if "DEVICE_ADDED" in line and MOUSE in line:
                host.tap("a")
            if "KEY_A (30) released" in line:
                host.move(9, 0)
            if "POINTER_MOTION" in line:
                break
        libinput.terminate()
    text = "".join(said)
    for word in (KEYBOARD, "KEY_A (30) pressed", "POINTER_MOTION"):
        check(word in text, f"no '{word}' in:\n{text}")
    driver.stop()


TESTS = [
    every_key_as_the_kernel_has_it, a_thousand_keys, prints_keys_and_motion,
    repeats_as_it_is_told, leds_follow_the_kernel, caps_lock_lights_up,
    the_console_reads_it, sysrq_works, the_mouse, keyboard_and_mouse_at_once,
    killed_with_keys_down, plugged_in_again, lost_and_garbled_bytes,
    no_other_ports, leaves_the_controller_as_found, taken_away, seen_by_evtest,
    seen_by_libinput, handed_back_to_the_kernel,
]

if __name__ == "__main__":
    sys.exit(main(TESTS, "iommu", 120))
