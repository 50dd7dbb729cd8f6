// SPDX-License-Identifier: MIT
/* See parport_model.h.  Event numbers are those of IEEE 1284-1994. */
#include <errno.h>
#include <string.h>
#include "parport/spp.h"
#include "io_model.h"
#include "parport_model.h"

#define SETTLE_NS	750	/* compatibility mode: data to strobe, and after */
#define STROBE_NS	750
#define PULSE_NS	500	/* the same in negotiation and byte mode (T_P) */
#define ACK_NS		2500
#define RESET_NS	50000

#define IDLE_LINES	(SPP_NACK | SPP_SELECT | SPP_NFAULT | SPP_NOT_BUSY)
#define REGISTER_LOW	0x07	/* bits of the status register without meaning */

static void blame(struct model *m, bool fault, const char *what)
{
	if (!fault)
		return;
	if (!m->violations++)
		m->violation = what;
}

void model_reset(struct model *m)
{
	memset(m, 0, sizeof(*m));
	*m = (struct model) {
		.answer_ns = 3000, .busy_ns = 5000, .due = MODEL_FOREVER,
		.status = IDLE_LINES, .control = SPP_IDLE, .now = 1000000,
		.nibble = true, .byte = true, .id = true,
	};
}

/* The host's lines, as they are on the cable: low is active but for nInit. */
static bool strobed(uint8_t control) { return control & SPP_STROBE; }
static bool feeding(uint8_t control) { return control & SPP_AUTOFD; }
static bool selected(uint8_t control) { return control & SPP_SELECTIN; }

static void set_lines(struct model *m, uint8_t mask, uint8_t value)
{
	if (!(m->status & SPP_NACK) && value & mask & SPP_NACK &&
	    m->control & SPP_IRQ_ENABLE && !m->no_interrupts)
		m->interrupts++;
	m->status = (uint8_t)((m->status & ~mask) | (value & mask));
}

/* The four lines that carry a nibble; the port inverts the last one. */
static void set_nibble(struct model *m, unsigned value)
{
	set_lines(m, SPP_LINES & ~SPP_NACK,
		  (uint8_t)((value & 7) << 3 | (value & 8 ? 0 : SPP_NOT_BUSY)));
}

static bool more(const struct model *m)
{
	return m->sent < m->send_length;
}

/* As they stand in the reverse channel, between bytes: nDataAvail counts. */
static void set_reverse_status(struct model *m)
{
	set_lines(m, SPP_NFAULT | SPP_PAPER_OUT | SPP_NOT_BUSY,
		  more(m) ? SPP_NOT_BUSY : SPP_NFAULT | SPP_PAPER_OUT);
}

/* ---------------------------------------------------------- what it does, late */

static void schedule(struct model *m, uint64_t ns)
{
	m->due = m->now + ns;
}

static bool has_mode(const struct model *m)
{
	switch (m->request) {
	case SPP_MODE_NIBBLE:
		return m->nibble;
	case SPP_MODE_BYTE:
		return m->byte;
	case SPP_MODE_NIBBLE_ID:
		return m->id;
	default:
		return false;
	}
}

/* Events 5 and 6: Select says yes, or for nibble mode no. */
static void answer_request(struct model *m)
{
	bool select = has_mode(m) != (m->request == SPP_MODE_NIBBLE);

	set_reverse_status(m);
	set_lines(m, SPP_SELECT, select ? SPP_SELECT : 0);
	set_lines(m, SPP_NACK, SPP_NACK);
	m->phase = has_mode(m) ? MODEL_REVERSE : MODEL_REFUSED;
}

/* Events 8 and 9. */
static void send(struct model *m)
{
	uint8_t value = m->to_send[m->sent];

	if (m->request == SPP_MODE_BYTE) {
		blame(m, !(m->control & SPP_INPUT) && !m->unidirectional,
		      "both drive the data lines");
		m->drives = true;
		m->driven = value;
	} else {
		set_nibble(m, m->second_nibble ? value >> 4 : value & 0xf);
	}
	set_lines(m, SPP_NACK, 0);
	m->phase = MODEL_SENDING;
}

/* Event 11; after a whole byte event 13 too. */
static void sent(struct model *m)
{
	if (m->request == SPP_MODE_BYTE) {
		m->sent++;
		m->owes_strobe = true;
	} else {
		m->sent += m->second_nibble;
		m->second_nibble = !m->second_nibble;
	}
	if (!m->second_nibble)
		set_reverse_status(m);
	set_lines(m, SPP_NACK, SPP_NACK);
	m->phase = MODEL_REVERSE;
}

/* Events 23 and 24; 26 and 27 come after the host's 25. */
static void begin_ending(struct model *m)
{
	m->drives = false;
	set_lines(m, SPP_NACK | SPP_NOT_BUSY, 0);
}

static void finish_ending(struct model *m)
{
	set_lines(m, SPP_LINES & ~SPP_NOT_BUSY, IDLE_LINES & ~SPP_NOT_BUSY);
}

/* Event 1. */
static bool wants_1284(const struct model *m)
{
	return !selected(m->control) && feeding(m->control) &&
	       m->control & SPP_NINIT && !m->silent;
}

static void begin_negotiation(struct model *m)
{
	blame(m, m->now - m->data_since < PULSE_NS,
	      "the mode is not stable before event 1");
	m->phase = MODEL_NEGOTIATING;
	schedule(m, m->answer_ns);
}

static void finish_printing(struct model *m)
{
	if (m->status & SPP_NACK) {
		set_lines(m, SPP_NACK, 0);
		schedule(m, ACK_NS);
		return;
	}
	m->printer_busy = false;
	set_lines(m, SPP_NACK | SPP_NOT_BUSY, SPP_NACK | SPP_NOT_BUSY);
	if (wants_1284(m))
		begin_negotiation(m);
}

/* Its next event is due. */
static void happen(struct model *m)
{
	m->due = MODEL_FOREVER;
	if (m->dies_after && ++m->events > m->dies_after)
		m->dead = true;
	if (m->dead)
		return;
	switch (m->phase) {
	case MODEL_COMPATIBLE:
		finish_printing(m);
		break;
	case MODEL_NEGOTIATING:		/* event 2 */
		set_lines(m, SPP_LINES & ~SPP_NOT_BUSY,
			  SPP_PAPER_OUT | SPP_SELECT | SPP_NFAULT);
		break;
	case MODEL_STROBED:
		answer_request(m);
		break;
	case MODEL_REVERSE:
		send(m);
		break;
	case MODEL_SENT:
		sent(m);
		break;
	case MODEL_ENDING:
		if (m->status & SPP_NACK)
			begin_ending(m);
		else
			finish_ending(m);
		break;
	default:
		break;
	}
}

void model_advance(struct model *m, uint64_t ns)
{
	uint64_t end = m->now + ns;

	while (m->due <= end) {
		m->now = m->due;
		happen(m);
	}
	m->now = end;
}

/* ------------------------------------------------------- what the host does */

/* The edge of the strobe on which a printer takes a byte. */
static void take_byte(struct model *m)
{
	blame(m, m->printer_busy, "a strobe while the printer is busy");
	blame(m, m->now - m->data_since < SETTLE_NS,
	      "data are not stable before the strobe");
	blame(m, m->control & SPP_INPUT, "a strobe without data");
	if (m->printed_length < MODEL_ROOM)
		m->printed[m->printed_length++] = m->data;
	m->printer_busy = true;
	set_lines(m, SPP_NOT_BUSY, 0);
	if (m->busy_ns != MODEL_FOREVER)
		schedule(m, m->busy_ns);
}

static void compatible(struct model *m, uint8_t was)
{
	uint8_t is = m->control;

	if (selected(is) && strobed(is) && !strobed(was))
		take_byte(m);
	if (strobed(was) && !strobed(is))
		blame(m, m->now - m->strobe_since < STROBE_NS,
		      "a strobe that is too short");
	/* A byte that it is taking comes first. */
	if (wants_1284(m) && m->due == MODEL_FOREVER)
		begin_negotiation(m);
}

static void negotiating(struct model *m, uint8_t was)
{
	uint8_t is = m->control;
	bool answered = !(m->status & SPP_NACK);

	if (strobed(is) && !strobed(was)) {	/* event 3 */
		blame(m, !answered, "event 3 before event 2");
		m->request = m->data;
	}
	if (strobed(was) && !strobed(is)) {	/* event 4 */
		blame(m, feeding(is), "nAutoFd stays low at event 4");
		blame(m, m->now - m->strobe_since < PULSE_NS,
		      "event 4 too soon after event 3");
		m->phase = MODEL_STROBED;
		schedule(m, m->answer_ns);
	}
}

/* Event 7, and in byte mode 16 and 17 before it. */
static void reverse(struct model *m, uint8_t was)
{
	uint8_t is = m->control;
	bool by_byte = m->request == SPP_MODE_BYTE;

	if (strobed(is) && !strobed(was))
		blame(m, !m->owes_strobe, "a strobe that nobody expects");
	if (!strobed(is) && strobed(was)) {
		blame(m, m->now - m->strobe_since < PULSE_NS,
		      "event 17 too soon after event 16");
		m->owes_strobe = false;
	}
	if (!feeding(is) || feeding(was))
		return;
	blame(m, m->owes_strobe, "the next byte without events 16 and 17");
	blame(m, !m->second_nibble && !more(m), "there are no data to ask for");
	blame(m, by_byte && !(was & SPP_INPUT), "event 7 before event 14");
	if (!more(m))
		return;
	if (!by_byte)
		set_nibble(m, 0x5);	/* on their way they are anything */
	schedule(m, m->answer_ns);
}

/* Event 10: from now on the data may be gone. */
static void taken(struct model *m, uint8_t was)
{
	if (!feeding(was) || feeding(m->control))
		return;
	if (m->request == SPP_MODE_BYTE)
		m->driven = 0xa5;
	else
		set_nibble(m, 0xa);
	m->phase = MODEL_SENT;
	schedule(m, m->answer_ns);
}

/* Event 25, event 28. */
static void ending(struct model *m, uint8_t was)
{
	uint8_t is = m->control;

	if (feeding(is) && !feeding(was)) {
		blame(m, m->status & SPP_NACK, "event 25 before event 24");
		schedule(m, m->answer_ns);
	}
	if (feeding(was) && !feeding(is) && m->status & SPP_NACK) {
		m->phase = MODEL_COMPATIBLE;
		m->terminations++;
		set_lines(m, SPP_NOT_BUSY, SPP_NOT_BUSY);
	}
}

static void become_idle(struct model *m)
{
	m->phase = MODEL_COMPATIBLE;
	m->drives = m->second_nibble = m->owes_strobe = m->printer_busy = false;
	m->due = MODEL_FOREVER;
	set_lines(m, SPP_LINES, IDLE_LINES);
}

/* Event 22: in the standing reverse channel an orderly end, else none. */
static void deselected(struct model *m)
{
	if ((m->phase == MODEL_REVERSE && m->due == MODEL_FOREVER &&
	     !m->owes_strobe && !m->second_nibble) || m->phase == MODEL_REFUSED) {
		m->phase = MODEL_ENDING;
		schedule(m, m->answer_ns);
		return;
	}
	m->aborts++;
	if (!m->dead)
		become_idle(m);
}

static void control_changed(struct model *m, uint8_t was)
{
	uint8_t is = m->control;

	if (strobed(is) && !strobed(was))
		m->strobe_since = m->now;
	if (was & SPP_NINIT && !(is & SPP_NINIT)) {
		m->resets++;
		m->released_at = m->now;
		m->dead = false;
		become_idle(m);
	}
	if (is & SPP_NINIT && !(was & SPP_NINIT))
		blame(m, m->now - m->released_at < RESET_NS, "a reset too short");
	blame(m, m->drives && !(is & SPP_INPUT) && !m->unidirectional,
	      "both drive the data lines");
	if (m->dead && selected(is))	/* what nSelectIn gates, dead or not */
		m->drives = false;
	if (m->phase != MODEL_COMPATIBLE && m->phase != MODEL_ENDING &&
	    selected(is) && !selected(was)) {
		deselected(m);
		return;
	}
	switch (m->phase) {
	case MODEL_COMPATIBLE:
		compatible(m, was);
		break;
	case MODEL_NEGOTIATING:
		negotiating(m, was);
		break;
	case MODEL_REVERSE:
		reverse(m, was);
		break;
	case MODEL_SENDING:
		taken(m, was);
		break;
	case MODEL_ENDING:
		ending(m, was);
		break;
	default:
		break;
	}
	if (strobed(was) && !strobed(is))
		m->hold_until = m->now + SETTLE_NS;
}

/* ------------------------------------------------------------------ registers */

void model_write(struct model *m, unsigned offset, uint8_t value)
{
	uint8_t was = m->control;

	model_advance(m, IO_MODEL_ACCESS_NS);
	if (offset == SPP_DATA) {
		blame(m, strobed(was) || (m->now < m->hold_until &&
					  m->phase == MODEL_COMPATIBLE),
		      "data change under the strobe");
		blame(m, m->phase == MODEL_NEGOTIATING,
		      "the mode changes while it is negotiated");
		m->data = value;
		m->data_since = m->now;
	} else if (offset == SPP_CONTROL) {
		m->control = value;
		control_changed(m, was);
	} else {
		blame(m, true, "a write to a register that is for reading");
	}
}

uint8_t model_read(struct model *m, unsigned offset)
{
	model_advance(m, IO_MODEL_ACCESS_NS);
	if (m->missing)
		return 0xff;
	if (offset == SPP_CONTROL)
		return m->control | 0xc0;
	if (offset == SPP_STATUS)
		return m->status | REGISTER_LOW;
	if (!(m->control & SPP_INPUT) || m->unidirectional)
		return m->data;
	return m->drives ? m->driven : 0xff;
}

/* ------------------------------------------------------------------- programs */

static bool has_register(void *model, const struct udrv_io_step *s)
{
	(void)model;
	return s->width == 1 && !s->region && s->offset <= 2 &&
	       s->op != UDRV_OP_READ_STRING && s->op != UDRV_OP_WRITE_STRING;
}

static uint64_t read_register(void *model, const struct udrv_io_step *s)
{
	return model_read(model, (unsigned)s->offset);
}

static void write_register(void *model, const struct udrv_io_step *s,
			   uint64_t value)
{
	model_write(model, (unsigned)s->offset, (uint8_t)value);
}

static void advance(void *model, uint64_t ns)
{
	model_advance(model, ns);
}

static uint64_t time_now(const void *model)
{
	return ((const struct model *)model)->now;
}

int model_run(struct model *m, struct udrv_io_step *steps, unsigned count,
	      unsigned most, unsigned *done)
{
	static const struct io_model io = {
		has_register, read_register, write_register, advance, time_now
	};

	*done = 0;
	m->programs++;
	if (m->fail_after && m->programs >= m->fail_after)
		return ENODEV;
	return io_model_run(&io, m, steps, count, most, done);
}
