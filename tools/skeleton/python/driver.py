#!/usr/bin/python3
"""@NAME@: drive a @ID@ from an ordinary process.

A fresh skeleton: it opens the device, shows what it is made of, takes
interrupts and has memory for DMA.  What your hardware does with them is yours
to add, where it says FILL IN.  `pydoc3 udrv` has every call.
"""

import sys

import udrv

ID = "@ID@"
REGISTERS = 0  # FILL IN: the BAR that has the registers
ADDRESS_BITS = 32  # FILL IN: how far the device's DMA reaches

# FILL IN: registers, by the names and offsets of the datasheet.
REG_ID = 0x00


def setup_interrupts(device: udrv.Device) -> bool:
    """Messages if the device has them: they are never shared and need no rule."""
    info = device.info()
    rules: list[udrv.Rule] = []
    if info.msix:
        kind = udrv.MSIX
    elif info.msi:
        kind = udrv.MSI
    elif info.intx:
        kind = udrv.INTX
        # FILL IN: with a rule the kernel acknowledges the interrupt.  Which
        # register says that it is ours, and what ends it?
        # rules = [udrv.Rule(REGISTERS, REG_STATUS, 4, 0xffffffff,
        #                    acks=[udrv.ack_write_back(REGISTERS, REG_STATUS, 4)])]
    else:
        return False  # it has none: poll its registers
    device.irq_setup(kind, 1, rules)
    return True


def work(device: udrv.Device) -> None:
    """FILL IN: what the driver does.  This waits for interrupts and counts
    them."""
    info = device.info()
    print(f"{info.name}: {info.vendor:04x}:{info.device:04x}")
    kinds = "none", "memory", "ports", "ROM", "configuration"
    for i in range(info.regions):
        region = device.region(i)
        if region.kind != udrv.KIND_NONE:
            print(f"region {i}: {kinds[region.kind]}, {region.size} bytes")
    registers = device.map(REGISTERS)
    # FILL IN: reset the device and bring it to a known state.
    interrupts = setup_interrupts(device)
    if info.caps & udrv.INFO_DMA:
        # Messages and DMA are writes by the device: it must be allowed to.
        device.bus_master(True)
        memory = device.dma_alloc(4096, ADDRESS_BITS)
        # FILL IN: tell the device where its descriptors are.
        print(f"memory for DMA: {memory.length} bytes, for the device at "
              f"{memory.iova:#x}")
    print(f"register {REG_ID:#x}: {registers.read32(REG_ID):#x}")
    if interrupts:
        print("waiting for interrupts", flush=True)
        try:
            while True:
                print(device.wait(2), flush=True)
        except TimeoutError:
            pass


def main() -> int:
    """The device is an argument, or the one there is."""
    if len(sys.argv) > 2 or sys.argv[1:] and sys.argv[1].startswith("-"):
        print(f"usage: {sys.argv[0]} [DEVICE]   (default: {ID})",
              file=sys.stderr)
        return 2
    try:
        # However it ends, the kernel undoes everything.
        with udrv.open_or_bind(sys.argv[1] if sys.argv[1:] else ID) as device:
            work(device)
    except OSError as error:
        print(f"@NAME@: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
