#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The edu device driven from Python: an interrupt, then DMA there and back."""
import sys

import udrv

FACTORIAL, STATUS, IRQ_STATUS, IRQ_ACK = 0x08, 0x20, 0x24, 0x64
SOURCE, DESTINATION, COUNT, COMMAND = 0x80, 0x88, 0x90, 0x98
CARD = 0x40000  # the card's own memory

with udrv.open_or_bind(sys.argv[1] if len(sys.argv) > 1 else "1234:11e8") as edu:
    registers = edu.map(0)
    print(f"id: {registers.read32(0):#x}")
    ours = udrv.Rule(0, IRQ_STATUS, 4, 0xffffffff,
                     acks=[udrv.ack_write_back(0, IRQ_ACK, 4)])
    edu.irq_setup(udrv.INTX, 1, [ours])

    registers.write32(STATUS, 0x80)  # an interrupt when it is done
    registers.write32(FACTORIAL, 10)
    print(f"{edu.wait(5)}: 10! = {registers.read32(FACTORIAL)}")

    edu.bus_master(True)
    memory = edu.dma_alloc(4096, width=28)
    memory.view()[:5] = b"there"
    for source, destination, command in ((memory.iova, CARD, 5),
                                         (CARD, memory.iova + 8, 7)):
        registers.write64(SOURCE, source)
        registers.write64(DESTINATION, destination)
        registers.write64(COUNT, 5)
        registers.write64(COMMAND, command)  # start | direction | interrupt
        edu.wait(5)
    print(f"{bytes(memory.view()[8:13]).decode()} and back")
