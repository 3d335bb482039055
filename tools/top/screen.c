/* SPDX-License-Identifier: MIT */
/*
 * The screen: figures, a table of which one line is selected, and keys. It needs neither colour nor
 * a mouse, and 80 columns of 24 lines.
 */
#include "config.h"

#include "tools/top/screen.h"

#include <errno.h>

#ifdef HAVE_NCURSES

#include <curses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROWS_FROM (PANEL_SUMMARY + 1)
#define ESCAPE 27
#define KEYS "q quit  s/S sort  r reverse  / filter  p pause  n namespaces  k kill"

struct screen {
	struct kreg *k;
	const char *registry;
	uint64_t interval_ms;
	struct panel *panel;
	struct sample before, now;
	uint64_t selected; /* the token of an owner */
	size_t at, top;    /* its row, and the first that is shown */
	bool paused, left;
	uint64_t looks;
	char message[160];
};

static volatile sig_atomic_t signalled;

static void note_signal(int signal)
{
	signalled = signal;
}

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define ENDING (sizeof(ending) / sizeof(ending[0]))

/* Before ncurses, which leaves those alone that somebody handles. */
static void catch_signals(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };
	size_t i;

	sigemptyset(&action.sa_mask);
	for (i = 0; i < ENDING; i++)
		sigaction(ending[i], &action, NULL);
}

static size_t rows_shown(void)
{
	return LINES > ROWS_FROM + 2 ? (size_t)(LINES - ROWS_FROM - 1) : 1;
}

/* The selected owner stays selected where it goes; one that has ended leaves its line to another. */
static void follow(struct screen *screen)
{
	const struct panel *panel = screen->panel;
	size_t i;

	for (i = 0; i < panel->count && screen->selected; i++) {
		if (panel->rows[i].owner.token == screen->selected)
			screen->at = i;
	}
	if (screen->at >= panel->count)
		screen->at = panel->count ? panel->count - 1 : 0;
	screen->selected = panel->count ? panel->rows[screen->at].owner.token : 0;
	if (screen->at < screen->top)
		screen->top = screen->at;
	if (screen->at >= screen->top + rows_shown())
		screen->top = screen->at - rows_shown() + 1;
}

static void put(int line, attr_t how, const char *text)
{
	move(line, 0);
	clrtoeol();
	attrset(how);
	addnstr(text, COLS);
	attrset(A_NORMAL);
}

static void draw(struct screen *screen)
{
	const struct panel *panel = screen->panel;
	char line[PANEL_WIDTH + 160], clock[16] = "";
	time_t now = time(NULL);
	size_t i, row;
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	erase();
	for (i = 0; i < PANEL_SUMMARY; i++) {
		snprintf(line, sizeof(line), "%s", panel->summary[i]);
		if (!i)
			snprintf(line, sizeof(line), "%s  %s  by %s%s%s%s",
				 screen->paused ? "PAUSED" : clock, panel->summary[0],
				 panel->namespaces ? "names" : panel_order_name(panel->order),
				 panel->reverse ? " reversed" : "", *panel->filter ? ", with " : "",
				 panel->filter);
		put((int)i, i || !screen->paused ? A_NORMAL : A_BOLD, line);
	}
	snprintf(line, sizeof(line), "%-*s", COLS < PANEL_WIDTH ? COLS : PANEL_WIDTH,
		 panel->heading);
	put(PANEL_SUMMARY, A_REVERSE, line);
	follow(screen);
	for (i = 0; i < rows_shown(); i++) {
		row = screen->top + i;
		if (row >= panel->count)
			break;
		snprintf(line, sizeof(line), "%s", panel->rows[row].line);
		put(ROWS_FROM + (int)i,
		    (panel->rows[row].is_bad ? A_BOLD : A_NORMAL) |
			    (row == screen->at ? A_STANDOUT : A_NORMAL),
		    line);
	}
	put(LINES - 1, A_NORMAL, *screen->message ? screen->message : KEYS);
	refresh();
}

static int make(struct screen *screen)
{
	return panel_make(screen->panel, screen->k, screen->registry, &screen->now,
			  COLS > 0 ? (size_t)COLS : PANEL_COLUMNS);
}

static int look(struct screen *screen)
{
	int err;

	sample_free(&screen->before);
	screen->before = screen->now;
	screen->now = (struct sample){ 0 };
	err = sample_take(screen->k, screen->before.at ? &screen->before : NULL, &screen->now);
	screen->looks++;
	return err ? err : make(screen);
}

/* Waits for a key however long it takes; ERR: a signal ends all. */
static int ask(struct screen *screen, const char *question)
{
	int key;

	snprintf(screen->message, sizeof(screen->message), "%s", question);
	draw(screen);
	timeout(-1);
	do
		key = getch();
	while (key == KEY_RESIZE || (key == ERR && !signalled && errno == EINTR));
	screen->message[0] = '\0';
	return key;
}

/* SIGTERM, by a pidfd: to that very process or to none. */
static void kill_selected(struct screen *screen)
{
	const struct panel_row *row;
	struct kreg_owner owner;
	char question[160], name[64];
	int fd, key, err;

	if (!screen->selected)
		return;
	row = &screen->panel->rows[screen->at];
	owner = row->owner;
	snprintf(name, sizeof(name), "%s", row->name);
	snprintf(question, sizeof(question), "send SIGTERM to pid %d (%s)? y/n", owner.pid, name);
	key = ask(screen, question);
	if (key != 'y' && key != 'Y')
		return;
	fd = kreg_owner_pidfd(screen->k, &owner);
	err = fd;
	if (fd >= 0)
		err = syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (err)
		snprintf(screen->message, sizeof(screen->message), "pid %d got no SIGTERM: %s",
			 owner.pid, kreg_strerror(err));
	else
		snprintf(screen->message, sizeof(screen->message), "pid %d got SIGTERM", owner.pid);
}

static void ask_filter(struct screen *screen)
{
	char *filter = screen->panel->filter, question[160];
	size_t size = 0;
	int key;

	filter[0] = '\0';
	for (;;) {
		snprintf(question, sizeof(question), "show lines with: %s", filter);
		key = ask(screen, question);
		if (key == ERR || key == '\n' || key == '\r' || key == KEY_ENTER)
			return;
		if (key == ESCAPE)
			size = 0;
		else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && size)
			size--;
		else if (key >= ' ' && key < 127 && size + 1 < sizeof(screen->panel->filter))
			filter[size++] = (char)key;
		filter[size] = '\0';
		if (key == ESCAPE)
			return;
	}
}

/* Return: whether it was a key of the list. */
static bool move_by(struct screen *screen, int key)
{
	size_t page = rows_shown(), last = screen->panel->count;

	last -= last != 0;
	if (key == KEY_UP)
		screen->at -= screen->at != 0;
	else if (key == KEY_DOWN)
		screen->at += screen->at < last;
	else if (key == KEY_PPAGE)
		screen->at -= screen->at < page ? screen->at : page;
	else if (key == KEY_NPAGE)
		screen->at = screen->at + page < last ? screen->at + page : last;
	else if (key == KEY_HOME)
		screen->at = 0;
	else if (key == KEY_END)
		screen->at = last;
	else
		return false;
	screen->selected = screen->panel->count ? screen->panel->rows[screen->at].owner.token : 0;
	return true;
}

static int obey(struct screen *screen, int key)
{
	struct panel *panel = screen->panel;

	screen->message[0] = '\0';
	if (move_by(screen, key))
		return 0;
	switch (key) {
	case 'q':
		screen->left = true;
		return 0;
	case 's':
		panel->order = (panel->order + 1) % PANEL_ORDERS;
		break;
	case 'S':
		panel->order = (panel->order + PANEL_ORDERS - 1) % PANEL_ORDERS;
		break;
	case 'r':
		panel->reverse = !panel->reverse;
		break;
	case 'n':
		panel->namespaces = !panel->namespaces;
		screen->at = screen->top = 0;
		screen->selected = 0;
		break;
	case 'p':
		screen->paused = !screen->paused;
		return 0;
	case '/':
		ask_filter(screen);
		break;
	case 'k':
		kill_selected(screen);
		return 0;
	case KEY_RESIZE:
		break;
	default:
		return 0;
	}
	return make(screen);
}

static int wait_ms(const struct screen *screen)
{
	struct timespec now = { 0 };
	uint64_t at, until = screen->now.at + screen->interval_ms;

	if (screen->paused)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	at = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	return until > at ? (int)(until - at) : 0;
}

static int run(struct screen *screen, uint64_t looks)
{
	int key, ms, err = look(screen);

	while (!err && !signalled && !screen->left && (!looks || screen->looks <= looks)) {
		draw(screen);
		ms = wait_ms(screen);
		timeout(ms);
		key = ms ? getch() : ERR;
		if (key != ERR)
			err = obey(screen, key);
		else if (!signalled && !screen->paused && !wait_ms(screen))
			err = look(screen);
	}
	return err;
}

int screen_run(struct kreg *k, const char *registry, const struct interval *interval,
	       struct panel *panel)
{
	struct screen screen = { .k = k, .registry = registry, .panel = panel };
	SCREEN *terminal;
	int err;

	screen.interval_ms = interval->ms;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	catch_signals(note_signal);
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		catch_signals(SIG_DFL);
		return -ENOTTY;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	err = run(&screen, interval->count);
	endwin();
	delscreen(terminal);
	sample_free(&screen.before);
	sample_free(&screen.now);
	catch_signals(SIG_DFL);
	/* The terminal is as it was; the parent learns what has ended the process. */
	if (signalled)
		raise(signalled);
	return err;
}

#else

int screen_run(struct kreg *k, const char *registry, const struct interval *interval,
	       struct panel *panel)
{
	(void)k;
	(void)registry;
	(void)interval;
	(void)panel;
	return -ENOTTY;
}

#endif
