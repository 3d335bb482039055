// SPDX-License-Identifier: MIT
// kreg.hpp as its users have it: what is found, not found and refused, in both forms; objects that are moved and end;
// events, locks, sections; and a process that is killed. Prints TAP; compiled and run by cli_cpp.sh.
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include <csignal>
#include <poll.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kreg.hpp>

static unsigned long allocations;

void *operator new(std::size_t size)
{
	void *memory = std::malloc(size);

	allocations++;
	if (!memory)
		throw std::bad_alloc();
	return memory;
}

void operator delete(void *memory) noexcept
{
	std::free(memory);
}

void operator delete(void *memory, std::size_t) noexcept
{
	std::free(memory);
}

namespace
{

int number;
int failed;
volatile std::sig_atomic_t signalled;

void is(bool right, const char *sentence)
{
	failed += !right;
	std::printf("%s %d - %s\n", right ? "ok" : "not ok", ++number, sentence);
	std::fflush(stdout);
}

// The error of what throws; none if nothing is thrown.
template <class Function> std::error_code thrown(Function function)
{
	try {
		function();
	} catch (const std::system_error &error) {
		return error.code();
	}
	return {};
}

// A process that holds @key until it is killed.
class holder
{
public:
	explicit holder(std::string_view key) : pid(fork())
	{
		if (pid)
			return;
		kreg::registry registry("cpp");
		kreg::name name(registry, key, "of the child");

		for (;;)
			pause();
	}
	void kill_it() const
	{
		kill(pid, SIGKILL);
		waitpid(pid, nullptr, 0);
	}

	const pid_t pid;
};

void try_opening()
{
	kreg::options options;
	std::error_code ec;

	options.flags = KREG_OPEN_EXISTING;
	kreg::registry none("none", options, ec);
	is(!none && ec == std::errc::no_such_file_or_directory,
	   "a registry that is not there is an error code");
	is(std::string(ec.category().name()) == "kreg" && ec.message() == kreg_strerror(-ENOENT),
	   "of kreg's category, with its sentence");
	is(thrown([&] { kreg::registry("none", options); }) == std::errc::no_such_file_or_directory,
	   "or an exception");
	try {
		kreg::registry("a/b");
	} catch (const std::system_error &error) {
		is(std::string(error.what()).size() > ec.message().size() + 10 &&
			   error.code().value() == EINVAL,
		   "which says what the log says");
	}
	is(thrown([] { kreg::registry(std::string("none\0", 5)); }) == std::errc::invalid_argument,
	   "a name is not cut at a NUL");
}

void try_log(kreg::registry &registry)
{
	std::string heard;
	std::error_code ec;
	kreg::registry plain("cpp", {}, ec);

	kreg::set_log([&](std::string_view sentence) { heard += sentence; });
	try {
		registry.lookup("");
		is(false, "a lookup of no key is refused");
	} catch (const std::system_error &error) {
		is(std::string(error.what()).find("kreg_lookup: key is empty") == 0 &&
			   error.code() == std::errc::invalid_argument,
		   "an exception says which argument was refused");
	}
	is(heard.find("kreg_lookup: key is empty") == 0, "and so does the log");
	heard.clear();
	is(!plain.lookup("", ec) && heard.find("kreg_lookup: key is empty") == 0,
	   "it hears what has no exception");
	heard.clear();
	kreg::set_log([](std::string_view) { throw 1; });
	is(!plain.lookup("", ec) && ec == std::errc::invalid_argument,
	   "what a log throws does not reach the call");
	kreg::set_log(nullptr);
	is(!plain.lookup("", ec) && heard.empty(), "there may be none");
}

void try_lookups(kreg::registry &registry)
{
	char room[8];
	kreg::owner owner;
	std::error_code ec;
	kreg::name name(registry, "server", "/run/server");

	is(!registry.lookup("nobody") && !registry.whereis("nobody"),
	   "a key without an owner is nothing");
	auto found = registry.lookup("server");
	is(found && found->text() == "/run/server" && found->holder() == registry.self(),
	   "a value and its owner are found");
	is(!registry.lookup("server", room, sizeof(room), &owner, ec) &&
		   ec == std::errc::result_out_of_range && owner == registry.self(),
	   "a value that does not fit is an error, with its owner");
	is(thrown([&] { registry.lookup<4>("server"); }) == std::errc::result_out_of_range,
	   "or an exception");
	name.update(kreg::bytes("short", 5));
	is(registry.lookup("server", room, sizeof(room)) == 5 && !std::memcmp(room, "short", 5),
	   "it is updated");
	is(!name.update_if("other", "long") && name.update_if("other", "short"),
	   "only if it is what was expected");

	unsigned long before = allocations;
	registry.lookup("server");
	registry.lookup("nobody", ec);
	registry.lookup("server", room, sizeof(room));
	registry.whereis("server");
	is(allocations == before, "no lookup allocates");
#ifdef __cpp_lib_span
	const int numbers[] = { 1, 2, 3 };

	name.update(std::as_bytes(std::span(numbers)));
	found = registry.lookup("server");
	std::span<const std::byte> seen = found->data();
	is(seen.size() == sizeof(numbers) && !std::memcmp(seen.data(), numbers, sizeof(numbers)),
	   "a value is a span");
#endif
}

void try_names(kreg::registry &registry)
{
	kreg::owner other;
	std::error_code ec;
	{
		kreg::name first(registry, "name");
		kreg::name refused(registry, "name", {}, 0, &other, ec);

		is(!refused && ec == std::errc::file_exists && other == registry.self(),
		   "a name that is taken is refused, and its holder is known");
		is(thrown([&] { kreg::name(registry, "name"); }) == std::errc::file_exists,
		   "or throws");
		kreg::name second(std::move(first));
		kreg::registry moved(std::move(registry));
		is(!first && second && moved.whereis("name"), "a name and its registry are moved");
		registry = std::move(moved);
	}
	is(!registry.whereis("name"), "a name ends with its object");
	kreg::name a(registry, "a"), b(registry, "b");
	a = std::move(b);
	is(!registry.whereis("a") && registry.whereis("b"),
	   "assigning ends the name that was there");
	kreg::name counter(registry, "counter", kreg::bytes("\0\0\0\0\0\0\0\0", 8));
	is(counter.add(5) == 5 && counter.add(-7) == -2, "a counter counts");
	is(counter.add(5, 2, -1) == -1 && counter.add(1, 2, -1) == 0 && counter.reset(-2) == 0 &&
		   counter.reset() == -2 && counter.reset() == 0,
	   "to a threshold, and is set");
	std::uint32_t ahead = 1, drop = KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP;
	is(a.set_flags(drop) && a.flags(&ahead) == drop && ahead == 0 && registry.whereis("b"),
	   "a name may be taken over, and still be held");
	kreg::name reserved(registry, "reserved", {}, KREG_REGISTER_RESERVED);
	bool hidden = !registry.whereis("reserved");
	reserved.publish("ready");
	is(hidden && registry.lookup("reserved")->text() == "ready",
	   "a reserved name is published");
	reserved.release();
	is(!reserved && registry.whereis("reserved"), "a released name stays");
	kreg_unregister(registry.get(), "reserved", KREG_STRING);
}

void try_unregistering_all(kreg::registry &registry)
{
	kreg::registry second("cpp");
	kreg::name mine(registry, "mine"), other(second, "other");
	std::error_code ec;

	is(registry.unregister_all() == 1 && !registry.whereis("mine") && registry.whereis("other"),
	   "all names of one registry go");
	is(registry.unregister_all(KREG_UNREGISTER_PROCESS) == 1 && !registry.count(),
	   "all names of the process go");
	is(!registry.unregister_all(~0u, ec) && ec == std::errc::invalid_argument,
	   "a flag that does not exist is refused");
}

void try_giving(kreg::registry &registry)
{
	kreg::listener listener(registry, "given");
	kreg::name name(registry, "given", "v");
	kreg_event_type type = {};
	kreg::owner from;

	name.give(registry.self());
	while (type != KREG_EVENT_GIVEN && listener.wait(kreg::milliseconds(10000))) {
		for (const kreg::event &event : listener) {
			type = event.type;
			from = event.from;
		}
	}
	is(type == KREG_EVENT_GIVEN && from == registry.self(),
	   "a listener gets who gave and who has it");
	kreg_unregister(registry.get(), "given", KREG_STRING);
}

void try_listing(kreg::registry &registry)
{
	kreg::name one(registry, "list/1", "1"), two(registry, "list/2", "2"),
		three(registry, "other");
	std::string seen;
	int visits = 0;

	registry.each(kreg::pattern::of_prefix("list/"), [&](const kreg::entry &entry) {
		seen += entry.key;
		seen += entry.value.text();
	});
	is(seen == "list/11list/22" || seen == "list/22list/11", "a prefix is listed");
	is(thrown([&] { registry.each(kreg::pattern::of_key({}), [](const kreg::entry &) {}); }) ==
		   std::errc::invalid_argument,
	   "a view of nothing is an empty key, not any");
	registry.each([&](const kreg::entry &) { return ++visits < 2; });
	is(visits == 2 && registry.count() == 3, "a visitor stops the listing");
	try {
		registry.each([](const kreg::entry &) { throw std::string("mine"); });
		is(false, "an exception of a visitor arrives");
	} catch (const std::string &mine) {
		is(mine == "mine", "an exception of a visitor arrives");
	}
}

void try_pool(kreg::registry &registry)
{
	std::int64_t load[] = { 2, 1 };
	std::string seen;
	std::error_code ec;
	auto pool = kreg::pool::of_prefix(registry, "worker/");

	is(!pool.next(ec) && !ec && !pool.least() && !pool.worker_for("x"), "a pool is empty");
	kreg::name one(registry, "worker/1", kreg::bytes(&load[0], sizeof(load[0])));
	kreg::name two(registry, "worker/2", kreg::bytes(&load[1], sizeof(load[1])));
	kreg::pool moved = std::move(pool);
	for (int i = 0; i < 4; i++) {
		is(moved.next()->holder() == registry.self(), "a worker is found");
		seen += moved.key().back();
	}
	is(seen == "1212" || seen == "2121", "by turns");
	is(moved.least() && moved.key() == "worker/2", "the one with the least");
	two.add(5);
	is(moved.least() && moved.key() == "worker/1", "which another one is then");
	is(moved.worker_for("x") && (seen = moved.key(), moved.worker_for("x")) &&
		   seen == moved.key(),
	   "one for a sub-key, and it stays");
	is(!moved.next<4>(ec) && ec == std::errc::result_out_of_range,
	   "a value that does not fit is an error");
	is(kreg::pool::of_key(registry, "worker/1").next() &&
		   thrown([&] { kreg::pool::of_key(registry, "").next(); }) ==
			   std::errc::invalid_argument,
	   "a key alone is a pool, and an empty one is refused");
}

void try_section(kreg::registry &registry)
{
	kreg::name name(registry, "section", "before");
	kreg::section section(registry);
	auto value = section.read("section");

	is(!section.read("nobody"), "a section finds nothing where nothing is");
	name.update("afterwards");
	is(value->text() == "before" && section.read("section")->text() == "afterwards",
	   "what was read stays in a section");
	std::error_code ec;
	section.leave(ec);
	is(!ec, "it is left");
}

void try_lock(kreg::registry &registry)
{
	std::error_code ec;
	{
		kreg::lock lock(registry, "lock");
		kreg::lock moved(std::move(lock));
		kreg::lock late(registry, "lock", kreg::milliseconds(0), ec);

		is(!lock && moved && !late && ec == std::errc::timed_out, "a lock is held by one");
	}
	kreg::lock again(registry, "lock", kreg::milliseconds(0), ec);
	is(again && !ec, "and ends with its object");
}

void try_timeout(kreg::registry &registry)
{
	kreg::listener listener(registry);
	kreg::name name(registry, "listener");
	// 2^32 ms and none are the same int.
	constexpr kreg::milliseconds days(std::int64_t(1) << 32);
	const itimerval often = { { 0, 100000 }, { 0, 100000 } }, never = {};
	struct sigaction action = {};

	is(listener.next()->entry.key == "listener", "without a prefix it is any");
	while (listener.next())
		continue;
	action.sa_handler = [](int) { signalled = 1; };
	sigaction(SIGALRM, &action, nullptr);
	setitimer(ITIMER_REAL, &often, nullptr);
	is(!listener.wait(days) && signalled, "a long timeout is not cut to none");
	setitimer(ITIMER_REAL, &never, nullptr);
}

void try_death(kreg::registry &registry)
{
	kreg::listener listener(registry, "death/");
	std::vector<kreg_event_type> types;
	kreg_end end = {}, known = {};
	holder child("death/child");
	auto found = registry.wait("death/child", kreg::milliseconds(10000));

	is(found && found->pid == child.pid && registry.is_alive(*found),
	   "another process is waited for");
	is(!registry.wait_gone("death/child", *found, kreg::milliseconds(0)), "it is not gone");
	is(registry.lookup("death/child")->text() == "of the child", "its value is found");
	child.kill_it();
	is(!registry.whereis("death/child") && !registry.is_alive(*found),
	   "once it is killed its name is not found");
	is(registry.wait_gone("death/child", *found), "it is gone");
	is(!registry.wait("death/child", kreg::milliseconds(0)), "nobody comes in no time");
	while ((types.empty() || types.back() != KREG_EVENT_PURGE) &&
	       listener.wait(kreg::milliseconds(10000))) {
		for (const kreg::event &event : listener) {
			if (event.entry.key == "death/child") {
				types.push_back(event.type);
				end = event.end;
			}
		}
	}
	is(types == std::vector<kreg_event_type>{ KREG_EVENT_REGISTER, KREG_EVENT_PURGE },
	   "a listener saw it come and die");
	kreg_owner_end(registry.get(), &*found, &known);
	is(end.code == known.code && end.status == known.status, "and how it ended");
	kreg::name mine(registry, "death/child");
	is(!mine.waiting() && registry.whereis("death/child") == registry.self(),
	   "its name is free");
}

void try_others(kreg::registry &registry)
{
	holder other("of another");
	kreg::owner self = registry.self();
	kreg::owner to = *registry.wait("of another", std::chrono::seconds(30));

	is(thrown([&] { registry.register_for(to, "for", "value"); }) == std::errc::operation_not_permitted,
	   "nothing is registered for a process that does not allow it");
	registry.allow_others();
	is(registry.register_for(self, "for", "1") && !registry.register_for(self, "for", "2") &&
		   registry.update_for(self, "for", "3") && registry.lookup("for")->text() == "3" &&
		   registry.unregister_for(self, "for") == 1 && !registry.update_for(self, "for", "4") &&
		   !registry.whereis("for"),
	   "a name is registered, updated and unregistered for a process");
	registry.allow_others(false);
	other.kill_it();

	kreg::options options;
	options.keys = KREG_KEYS_DUPLICATE;
	options.partitions = 4;
	kreg::registry groups("groups", options);
	self = groups.self();
	is(groups.register_for(self, "for", "1") && groups.register_for(self, "for", "2") &&
		   groups.update_for(self, "for", "3") && groups.lookup("for")->text() == "3" &&
		   groups.count() == 2 && groups.unregister_for(self, "for") == 2 && !groups.count(),
	   "a process joins a group in a registry with partitions, and leaves it");
}

void try_remote(kreg::registry &registry)
{
	kreg::remote far("far"), farther("farther");
	kreg::owner holder;
	std::error_code ec;

	far.token = 3;
	far.pid = 77;
	farther.flags = KREG_REMOTE_STALE;
	{
		kreg::name name = kreg::name::of_remote(registry, "remote", far, "there");
		kreg::name mine(registry, "mine");
		auto of = registry.remote_host("remote");

		is(name && of && of->host_name() == "far" && of->token == 3 && of->pid == 77 &&
			   of->uid == KREG_ID_UNKNOWN &&
			   registry.lookup("remote")->text() == "there",
		   "a name of another host is found, with what is known of that");
		is(!registry.remote_host("mine", ec) && !ec && !registry.remote_host("nobody", ec) &&
			   !ec,
		   "a name of this host, and none, are of no other one");
		name.update_remote(farther, "elsewhere");
		of = registry.remote_host("remote");
		is(of->host_name() == "farther" && of->flags == KREG_REMOTE_STALE && !of->token &&
			   registry.lookup("remote")->text() == "elsewhere",
		   "both change in one step");
		is(thrown([&] { name.update("mine"); }).value() == EREMOTE,
		   "it is not changed as a name of this host");
		is(!kreg::name::of_remote(registry, "mine", far, "", 0, &holder, ec) &&
			   ec == std::errc::file_exists && holder == registry.self(),
		   "a name that is taken is refused, and its holder is known");
		is(thrown([&] { kreg::name::of_remote(registry, "none", kreg::remote()); }) ==
				   std::errc::invalid_argument &&
			   thrown([&] {
				   kreg::name::of_remote(registry, "none",
							 kreg::remote(std::string(65, 'h')));
			   }) == std::errc::invalid_argument &&
			   thrown([&] {
				   kreg::name::of_remote(registry, "none",
							 kreg::remote(std::string("h\0st", 4)));
			   }) == std::errc::invalid_argument &&
			   !registry.whereis("none"),
		   "no host, one that is too long, and one that would be cut are refused");
	}
	is(!registry.whereis("remote"), "it ends with its object");
}

// `regtool up` of a file with the service "space/role", in the foreground, until the object ends.
class supervisor
{
public:
	supervisor() : pid_(fork())
	{
		if (pid_)
			return;
		execl(std::getenv("REGTOOL"), "regtool", "-r", "cpp", "up", std::getenv("SERVICES"),
		      "--namespace", "space", nullptr);
		_exit(9);
	}
	~supervisor()
	{
		kill(pid_, SIGTERM);
		waitpid(pid_, nullptr, 0);
	}

private:
	const pid_t pid_;
};

void try_states(kreg::registry &registry)
{
	std::error_code ec;
	int visits = 0;

	is(!registry.service_state("space", "role", ec) && !ec,
	   "without a supervisor nothing is reported");
	is(thrown([&] { registry.service_state("", "role"); }) == std::errc::invalid_argument &&
		   thrown([&] { registry.service_state(std::string("a\0b", 3), "role"); }) ==
			   std::errc::invalid_argument,
	   "no namespace, and one that would be cut, are refused");
	registry.each_service_state("space",
				    [&](std::string_view, std::string_view,
					const kreg::service_state &) { visits++; });
	is(!visits, "there are none to visit");
	supervisor up;
	auto owner = registry.wait("space/role", std::chrono::seconds(30));
	auto state = registry.service_state("space", "role");
	// The name comes first.
	while (state && state->state == KREG_STATE_STARTING)
		state = registry.service_state("space", "role");
	is(state && state->state == KREG_STATE_RUNNING && state->restarts == 0 &&
		   registry.is_alive(state->owner) && registry.is_alive(state->supervisor) &&
		   owner == kreg::owner(state->owner),
	   "a supervisor reports that its service runs");
	registry.each_service_state([&](std::string_view in, std::string_view of,
					const kreg::service_state &seen) {
		visits += in == "space" && of == "role" && seen.owner.token == state->owner.token;
	});
	is(visits == 1, "and it is among all of them");
	try {
		registry.each_service_state("space", [](std::string_view, std::string_view,
						      const kreg::service_state &) -> bool {
			throw std::string("mine");
		});
		is(false, "an exception of such a visitor arrives");
	} catch (const std::string &mine) {
		is(mine == "mine", "an exception of such a visitor arrives");
	}
	is(thrown([&] {
		   registry.each_service_state("", [](std::string_view, std::string_view,
						      const kreg::service_state &) {});
	   }) == std::errc::invalid_argument,
	   "an empty namespace is refused, and is not all");
}

void try_fork(kreg::registry &registry)
{
	int status = -1;
	kreg::name name(registry, "fork", "of the parent");
	pid_t pid = fork();

	if (!pid) {
		bool found = registry.lookup("fork")->text() == "of the parent";
		{
			kreg::registry closes(std::move(registry));
			kreg::name ends(std::move(name));
		}
		_exit(found ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	is(status == 0 && registry.whereis("fork") == registry.self(),
	   "a child looks up, and ends no name of its parent");
}

} // namespace

// Waits by poll(2) until @result has one.
template <class Result> auto by_fd(kreg::pending &pending, Result result)
{
	for (;;) {
		auto got = result();
		pollfd of = { pending.fd(), POLLIN, 0 };

		if (got || poll(&of, 1, 10000) != 1)
			return got;
	}
}

void try_pending(kreg::registry &registry)
{
	std::error_code ec;
	auto there = kreg::pending::until_there(registry, "pending/child");

	is(!there.holder() && !there.over(), "a wait that was begun is not over");
	holder child("pending/child");
	auto found = by_fd(there, [&] { return there.holder(); });
	is(found && found->pid == child.pid, "its fd tells when a name is there");

	auto gone = kreg::pending::until_gone(registry, "pending/child", *found);
	kreg::pending moved(std::move(gone));
	is(!gone && !moved.over(ec) && !ec, "a wait moves");
	child.kill_it();
	is(by_fd(moved, [&] { return moved.over(); }), "and tells of a death");

	kreg::name line(registry, "pending/line", "");
	auto turn = kreg::pending::until_turn(registry, "pending/line");
	is(turn.over(), "it is the turn of who has the name");
	is(!kreg::pending::until_turn(registry, "nobody").over(ec) &&
		   ec == std::errc::no_such_file_or_directory,
	   "who is not in line has no turn");

	std::optional<kreg::lock> held;
	held.emplace(registry, "pending/lock");
	auto locked = kreg::pending::until_locked(registry, "pending/lock");
	is(!locked.lock(), "a lock that is held is waited for");
	held.reset();
	held = by_fd(locked, [&] { return locked.lock(); });
	is(held && *held, "and given");
	is(!locked.lock(ec) && ec == std::errc::invalid_argument, "once");
	is(thrown([&] { kreg::pending::until_there(registry, ""); }) == std::errc::invalid_argument,
	   "a wait for no key is refused");
}

int main()
{
	try_opening();
	kreg::registry registry("cpp");
	try_log(registry);
	try_lookups(registry);
	try_names(registry);
	try_unregistering_all(registry);
	try_giving(registry);
	try_listing(registry);
	try_pool(registry);
	try_section(registry);
	try_lock(registry);
	try_pending(registry);
	try_timeout(registry);
	try_death(registry);
	try_others(registry);
	try_remote(registry);
	try_states(registry);
	try_fork(registry);
	is(registry.count() == 0, "nothing is left");
	std::printf("1..%d\n", number);
	return failed ? 1 : 0;
}
