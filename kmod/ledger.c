// SPDX-License-Identifier: GPL-2.0
/* The table behind the DMA ledger: small ids, found by a shift and a mask. */
#include <linux/nospec.h>
#include <linux/slab.h>
#include "compat.h"
#include "dma.h"

static struct udrv_dma_entry **udrv_ledger_slot(struct udrv_ledger *ledger, u32 id)
{
	return &ledger->block[id / UDRV_LEDGER_BLOCK][id % UDRV_LEDGER_BLOCK];
}

int udrv_ledger_add(struct udrv_open *o, struct udrv_dma_entry *e)
{
	struct udrv_ledger *ledger = o->ledger;
	struct udrv_dma_entry ***block;
	u32 id;

	if (!ledger) {
		ledger = kzalloc(sizeof(*ledger), GFP_KERNEL_ACCOUNT);
		if (!ledger)
			return -ENOMEM;
		__set_bit(0, ledger->used);
		o->ledger = ledger;
	}
	id = find_next_zero_bit(ledger->used, UDRV_DMA_MAX_IDS, ledger->next);
	if (id == UDRV_DMA_MAX_IDS)
		id = find_first_zero_bit(ledger->used, UDRV_DMA_MAX_IDS);
	if (id == UDRV_DMA_MAX_IDS)
		return udrv_refuse(o, -ENOSPC,
				   "%u mappings exist, the most an open can have",
				   UDRV_DMA_MAX_IDS - 1);
	block = &ledger->block[id / UDRV_LEDGER_BLOCK];
	if (!*block)
		*block = kcalloc(UDRV_LEDGER_BLOCK, sizeof(**block),
				 GFP_KERNEL_ACCOUNT);
	if (!*block)
		return -ENOMEM;
	__set_bit(id, ledger->used);
	*udrv_ledger_slot(ledger, id) = e;
	e->id = id;
	ledger->next = id + 1;
	return 0;
}

struct udrv_dma_entry *udrv_ledger_find(struct udrv_open *o, u32 id)
{
	if (!o->ledger || !id || id >= UDRV_DMA_MAX_IDS ||
	    !test_bit(id, o->ledger->used))
		return NULL;
	id = array_index_nospec(id, UDRV_DMA_MAX_IDS);
	return *udrv_ledger_slot(o->ledger, id);
}

struct udrv_dma_entry *udrv_ledger_remove(struct udrv_open *o, u32 id)
{
	struct udrv_dma_entry *e = udrv_ledger_find(o, id);

	if (e)
		__clear_bit(id, o->ledger->used);
	return e;
}

/* The entry after *id, which becomes its id; NULL: no more. */
struct udrv_dma_entry *udrv_ledger_next(struct udrv_open *o, u32 *id)
{
	if (!o->ledger)
		return NULL;
	*id = find_next_bit(o->ledger->used, UDRV_DMA_MAX_IDS, *id + 1);
	return udrv_ledger_find(o, *id);
}

void udrv_ledger_free(struct udrv_open *o)
{
	u32 i;

	for (i = 0; o->ledger && i < ARRAY_SIZE(o->ledger->block); i++)
		kfree(o->ledger->block[i]);
	kfree(o->ledger);
	o->ledger = NULL;
}
