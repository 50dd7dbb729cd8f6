/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM udrv

#if !defined(UDRV_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define UDRV_TRACE_H

#include <linux/tracepoint.h>
#include "udrv_priv.h"

DECLARE_EVENT_CLASS(udrv_open_event,
	TP_PROTO(const struct udrv_device *d, bool owner),
	TP_ARGS(d, owner),
	TP_STRUCT__entry(
		__array(char, device, 32)
		__field(bool, owner)
	),
	TP_fast_assign(
		strscpy(__entry->device, udrv_name(d), 32);
		__entry->owner = owner;
	),
	TP_printk("%s %s", __entry->device,
		  __entry->owner ? "owner" : "observer")
);

DEFINE_EVENT(udrv_open_event, udrv_open,
	TP_PROTO(const struct udrv_device *d, bool owner),
	TP_ARGS(d, owner));

DEFINE_EVENT(udrv_open_event, udrv_close,
	TP_PROTO(const struct udrv_device *d, bool owner),
	TP_ARGS(d, owner));

TRACE_EVENT(udrv_irq,
	TP_PROTO(const struct udrv_device *d, u32 vector, u32 count, u32 status),
	TP_ARGS(d, vector, count, status),
	TP_STRUCT__entry(
		__array(char, device, 32)
		__field(u32, vector)
		__field(u32, count)
		__field(u32, status)
	),
	TP_fast_assign(
		strscpy(__entry->device, udrv_name(d), 32);
		__entry->vector = vector;
		__entry->count = count;
		__entry->status = status;
	),
	TP_printk("%s vector=%u count=%u status=%#x", __entry->device,
		  __entry->vector, __entry->count, __entry->status)
);

/* When the driver took them, and how long after the oldest came. */
TRACE_EVENT(udrv_irq_read,
	TP_PROTO(const struct udrv_device *d, u32 vector, u32 count, u64 since),
	TP_ARGS(d, vector, count, since),
	TP_STRUCT__entry(
		__array(char, device, 32)
		__field(u32, vector)
		__field(u32, count)
		__field(u64, delay_ns)
	),
	TP_fast_assign(
		strscpy(__entry->device, udrv_name(d), 32);
		__entry->vector = vector;
		__entry->count = count;
		__entry->delay_ns = ktime_get_ns() - since;
	),
	TP_printk("%s vector=%u count=%u delay_ns=%llu", __entry->device,
		  __entry->vector, __entry->count, __entry->delay_ns)
);

DECLARE_EVENT_CLASS(udrv_dma_event,
	TP_PROTO(const struct udrv_device *d, u32 id, u64 iova, u64 length),
	TP_ARGS(d, id, iova, length),
	TP_STRUCT__entry(
		__array(char, device, 32)
		__field(u32, id)
		__field(u64, iova)
		__field(u64, length)
	),
	TP_fast_assign(
		strscpy(__entry->device, udrv_name(d), 32);
		__entry->id = id;
		__entry->iova = iova;
		__entry->length = length;
	),
	TP_printk("%s id=%u iova=%#llx length=%#llx", __entry->device,
		  __entry->id, __entry->iova, __entry->length)
);

DEFINE_EVENT(udrv_dma_event, udrv_dma_map,
	TP_PROTO(const struct udrv_device *d, u32 id, u64 iova, u64 length),
	TP_ARGS(d, id, iova, length));

DEFINE_EVENT(udrv_dma_event, udrv_dma_unmap,
	TP_PROTO(const struct udrv_device *d, u32 id, u64 iova, u64 length),
	TP_ARGS(d, id, iova, length));

TRACE_EVENT(udrv_refused,
	TP_PROTO(const struct udrv_device *d, int error, const char *reason),
	TP_ARGS(d, error, reason),
	TP_STRUCT__entry(
		__array(char, device, 32)
		__field(int, error)
		__array(char, reason, 160)
	),
	TP_fast_assign(
		strscpy(__entry->device, udrv_name(d), 32);
		__entry->error = error;
		strscpy(__entry->reason, reason, 160);
	),
	TP_printk("%s error=%d %s", __entry->device, __entry->error,
		  __entry->reason)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
