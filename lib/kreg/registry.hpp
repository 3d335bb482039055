// SPDX-License-Identifier: MIT
//
// kreg in C++: a registry that closes itself; lookups, listings and waits. Include <kreg.hpp>, which states what holds
// for all.
//
#ifndef KREG_REGISTRY_HPP
#define KREG_REGISTRY_HPP

#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <kreg/error.hpp>
#include <kreg/remote.hpp>

// The options of kreg_open(), with the size set and the rest 0.
struct kreg::options : kreg_options {
	options() noexcept : kreg_options()
	{
		size = sizeof(kreg_options);
	}
};

// A pattern of kreg_select(), with the size set and the rest 0. What it points to is not copied.
struct kreg::pattern : kreg_pattern {
	pattern() noexcept : kreg_pattern()
	{
		size = sizeof(kreg_pattern);
	}
	static pattern of_key(std::string_view of) noexcept
	{
		pattern made;

		// A view of nothing is an empty key, which no entry has, and not any key.
		made.key = of.data() ? of.data() : "";
		made.key_size = of.size();
		return made;
	}
	static pattern of_prefix(std::string_view of) noexcept
	{
		pattern made;

		made.prefix = of.data();
		made.prefix_size = of.size();
		return made;
	}
};

// A value of at most @Most bytes and its owner, copied by a lookup; without memory of its own elsewhere.
template <std::size_t Most> class kreg::value
{
public:
	bytes data() const noexcept
	{
		return { room_, size_ };
	}
	std::string_view text() const noexcept
	{
		return data().text();
	}
	const kreg::owner &holder() const noexcept
	{
		return holder_;
	}

private:
	friend class registry;
	friend class pool;
	unsigned char room_[Most];
	std::size_t size_ = 0;
	kreg::owner holder_;
};

// An entry, as a visitor gets it; valid until the visitor returns.
struct kreg::entry {
	std::string_view key;
	bytes value;
	kreg::owner holder;
	unsigned position; // how many are ahead in the line; 0: the entry holds the name
	unsigned flags;    // KREG_REGISTER_*, with which it is registered

	entry(const kreg_entry &from) noexcept
	    : key(static_cast<const char *>(from.key), from.key_size),
	      value(from.value, from.value_size), holder(from.owner), position(from.position),
	      flags(from.flags)
	{
	}
};

class kreg::registry
{
public:
	// A registry that is not open; only to be assigned to.
	registry() noexcept = default;

	// Opens as kreg_open(). The exception of the first form says also what kreg says to options.log; without such a
	// log the exceptions of the registry's calls say which argument was refused, and so does the log of set_log().
	explicit registry(const std::string &name, const kreg::options &with = {})
	{
		kreg::options mine = with;

		*inner::heard() = 0;
		if (!mine.log)
			mine.log = inner::hear;
		int err = open(name, mine);

		if (err)
			throw std::system_error(-err, category(),
						*inner::heard() ? inner::heard() : "kreg_open");
	}
	registry(const std::string &name, const kreg::options &with, std::error_code &ec) noexcept
	{
		inner::result(open(name, with), ec);
	}
	registry(registry &&from) noexcept : k_(std::exchange(from.k_, nullptr))
	{
	}
	registry &operator=(registry &&from) noexcept
	{
		if (this != &from) {
			kreg_close(k_);
			k_ = std::exchange(from.k_, nullptr);
		}
		return *this;
	}
	~registry()
	{
		kreg_close(k_);
	}

	explicit operator bool() const noexcept
	{
		return k_;
	}
	// The handle, for calls of C. It stays the registry's.
	struct kreg *get() const noexcept
	{
		return k_;
	}

	// Looks up as kreg_lookup(), into the caller's buffer: the size of the value, or nothing if the key has no
	// owner. A value that does not fit is std::errc::result_out_of_range.
	std::optional<std::size_t> lookup(std::string_view key, void *room, std::size_t capacity,
					  kreg::owner *holder, std::error_code &ec) const noexcept
	{
		return inner::found(kreg_lookup(k_, key.data(), key.size(), room, capacity, holder),
				    ec);
	}
	std::optional<std::size_t> lookup(std::string_view key, void *room, std::size_t capacity,
					  kreg::owner *holder = nullptr) const
	{
		std::error_code ec;
		auto size = lookup(key, room, capacity, holder, ec);

		inner::check(ec, "kreg_lookup");
		return size;
	}

	// Looks up a value of at most @Most bytes, with its owner.
	template <std::size_t Most = 256>
	std::optional<kreg::value<Most>> lookup(std::string_view key,
						std::error_code &ec) const noexcept
	{
		std::optional<kreg::value<Most>> found(std::in_place);
		auto size = lookup(key, found->room_, Most, &found->holder_, ec);

		if (size)
			found->size_ = *size;
		else
			found.reset();
		return found;
	}
	template <std::size_t Most = 256>
	std::optional<kreg::value<Most>> lookup(std::string_view key) const
	{
		std::error_code ec;
		auto found = lookup<Most>(key, ec);

		inner::check(ec, "kreg_lookup");
		return found;
	}

	// The owner alone.
	std::optional<kreg::owner> whereis(std::string_view key, std::error_code &ec) const noexcept
	{
		kreg::owner holder;

		if (!lookup(key, nullptr, 0, &holder, ec))
			return std::nullopt;
		return holder;
	}
	std::optional<kreg::owner> whereis(std::string_view key) const
	{
		std::error_code ec;
		auto holder = whereis(key, ec);

		inner::check(ec, "kreg_lookup");
		return holder;
	}

	bool is_alive(const kreg::owner &of) const noexcept
	{
		return kreg_owner_is_alive(k_, &of);
	}

	// The caller as an owner.
	kreg::owner self() const
	{
		kreg::owner of;
		std::error_code ec;

		inner::result(kreg_self(k_, &of), ec);
		inner::check(ec, "kreg_self");
		return of;
	}

	// Lets other processes register, update and unregister names for this one, as kreg_allow(); or forbids it.
	void allow_others(bool allowed = true)
	{
		std::error_code ec;

		inner::result(kreg_allow(k_, allowed ? KREG_ALLOW_OTHERS : 0), ec);
		inner::check(ec, "kreg_allow");
	}

	// Names of another process that has allowed this, as kreg_register_for() and so on. They are not this
	// process's, so nothing here ends them. register_for(): false if the name is taken. update_for(): false if
	// @to has no such name. unregister_for(): how many there were.
	bool register_for(const kreg::owner &to, std::string_view key, bytes value,
			  std::uint32_t flags = 0)
	{
		std::error_code ec;
		int err = kreg_register_for(k_, &to, key.data(), key.size(), value.data(),
					    value.size(), flags, nullptr);

		inner::result(err == -EEXIST ? 0 : err, ec);
		inner::check(ec, "kreg_register_for");
		return !err;
	}
	bool update_for(const kreg::owner &to, std::string_view key, bytes value)
	{
		std::error_code ec;
		int err = kreg_update_for(k_, &to, key.data(), key.size(), value.data(),
					  value.size());

		inner::result(err == -ENOENT ? 0 : err, ec);
		inner::check(ec, "kreg_update_for");
		return !err;
	}
	int unregister_for(const kreg::owner &to, std::string_view key)
	{
		std::error_code ec;
		auto number =
			inner::result(kreg_unregister_for(k_, &to, key.data(), key.size()), ec);

		inner::check(ec, "kreg_unregister_for");
		return static_cast<int>(number);
	}

	// The number of entries, as kreg_count().
	std::uint64_t count() const
	{
		std::error_code ec;
		auto number = inner::result(kreg_count(k_), ec);

		inner::check(ec, "kreg_count");
		return static_cast<std::uint64_t>(number);
	}

	// Unregisters what was registered through this registry, as kreg_unregister_all(), or with
	// KREG_UNREGISTER_PROCESS all that the process has; how many entries that were. A kreg::name that is left ends
	// what the process registers under its key afterwards, so release() those first.
	std::uint64_t unregister_all(std::uint32_t flags, std::error_code &ec) const noexcept
	{
		return static_cast<std::uint64_t>(
			inner::result(kreg_unregister_all(k_, flags), ec));
	}
	std::uint64_t unregister_all(std::uint32_t flags = 0) const
	{
		std::error_code ec;
		auto number = unregister_all(flags, ec);

		inner::check(ec, "kreg_unregister_all");
		return number;
	}

	// Visits the entries that match, as kreg_select(). The visitor gets a const kreg::entry &; it may return bool,
	// false to stop, and may throw: the exception ends the listing and is thrown again.
	template <class Visitor> void each(const kreg::pattern &of, Visitor &&visitor) const
	{
		visiting<Visitor> state{ visitor, nullptr };
		auto visit = [](const kreg_entry *of_c, void *data) noexcept -> int {
			return static_cast<visiting<Visitor> *>(data)->call(kreg::entry(*of_c));
		};
		std::error_code ec;

		inner::result(kreg_select(k_, &of, visit, &state), ec);
		if (state.thrown)
			std::rethrow_exception(state.thrown);
		inner::check(ec, "kreg_select");
	}
	template <class Visitor> void each(Visitor &&visitor) const
	{
		each(kreg::pattern(), std::forward<Visitor>(visitor));
	}

	// What the supervisor of a service reports of it, as kreg_service_state(): nothing if none reports of it.
	std::optional<kreg::service_state> service_state(const std::string &space,
							 const std::string &role,
							 std::error_code &ec) const noexcept
	{
		kreg::service_state state;

		if (inner::found(
			    has_nul(space) || has_nul(role)
				    ? -EINVAL
				    : kreg_service_state(k_, space.c_str(), role.c_str(), &state),
			    ec))
			return state;
		return std::nullopt;
	}
	std::optional<kreg::service_state> service_state(const std::string &space,
							 const std::string &role) const
	{
		std::error_code ec;
		auto state = service_state(space, role, ec);

		inner::check(ec, "kreg_service_state");
		return state;
	}

	// Visits what supervisors report of all services of a namespace, or of all namespaces, as
	// kreg_service_state_each(). The visitor gets the namespace, the role, as std::string_view, and a
	// const kreg::service_state &; what it may return and throw is as for each().
	template <class Visitor>
	void each_service_state(const std::string &space, Visitor &&visitor) const
	{
		if (has_nul(space))
			throw std::system_error(EINVAL, category(), "kreg_service_state_each");
		visit_states(space.c_str(), visitor);
	}
	template <class Visitor> void each_service_state(Visitor &&visitor) const
	{
		visit_states(nullptr, visitor);
	}

	// Of which other host the name is, as kreg_remote_host(): nothing if it is of this one, or has no owner.
	std::optional<kreg::remote> remote_host(std::string_view key,
						std::error_code &ec) const noexcept
	{
		kreg::remote of;
		auto is_remote =
			inner::found(kreg_remote_host(k_, key.data(), key.size(), &of), ec);

		if (!is_remote || !*is_remote)
			return std::nullopt;
		return of;
	}
	std::optional<kreg::remote> remote_host(std::string_view key) const
	{
		std::error_code ec;
		auto of = remote_host(key, ec);

		inner::check(ec, "kreg_remote_host");
		return of;
	}

	// Waits until the key has an owner, as kreg_await(): nothing after the timeout.
	std::optional<kreg::owner> wait(std::string_view key, milliseconds timeout,
					std::error_code &ec) const noexcept
	{
		kreg_found found = {};

		if (ended(kreg_await(k_, key.data(), key.size(), timeout.count(), &found), ec))
			return kreg::owner(found.owner);
		return std::nullopt;
	}
	std::optional<kreg::owner> wait(std::string_view key, milliseconds timeout = forever) const
	{
		std::error_code ec;
		auto holder = wait(key, timeout, ec);

		inner::check(ec, "kreg_await");
		return holder;
	}

	// Waits until @of no longer holds the key, as kreg_await_gone(): false after the timeout.
	bool wait_gone(std::string_view key, const kreg::owner &of, milliseconds timeout,
		       std::error_code &ec) const noexcept
	{
		return ended(kreg_await_gone(k_, key.data(), key.size(), &of, timeout.count()), ec);
	}
	bool wait_gone(std::string_view key, const kreg::owner &of,
		       milliseconds timeout = forever) const
	{
		std::error_code ec;
		bool gone = wait_gone(key, of, timeout, ec);

		inner::check(ec, "kreg_await_gone");
		return gone;
	}

private:
	// Cut there, a name with a NUL inside would be another one.
	static bool has_nul(const std::string &name) noexcept
	{
		return name.find('\0') != std::string::npos;
	}

	int open(const std::string &name, const kreg::options &with) noexcept
	{
		if (has_nul(name))
			return -EINVAL;
		return kreg_open(&k_, name.c_str(), &with);
	}

	// A visitor, and what it has thrown, which must not pass through C.
	template <class Visitor> struct visiting {
		std::remove_reference_t<Visitor> &visitor;
		std::exception_ptr thrown;

		template <class... Seen> int call(const Seen &...seen) noexcept
		{
			using result = decltype(visitor(seen...));

			static_assert(std::is_void_v<result> || std::is_same_v<result, bool>,
				      "a visitor returns nothing, or bool: false to stop");
			try {
				if constexpr (std::is_void_v<result>)
					visitor(seen...);
				else
					return visitor(seen...) ? 0 : 1;
			} catch (...) {
				thrown = std::current_exception();
				return 1;
			}
			return 0;
		}
	};

	template <class Visitor> void visit_states(const char *space, Visitor &visitor) const
	{
		visiting<Visitor> state{ visitor, nullptr };
		auto visit = [](const char *of, const char *role,
				const struct kreg_service_state *seen, void *data) noexcept -> int {
			return static_cast<visiting<Visitor> *>(data)->call(
				std::string_view(of), std::string_view(role),
				kreg::service_state(*seen));
		};
		std::error_code ec;

		inner::result(kreg_service_state_each(k_, space, visit, &state), ec);
		if (state.thrown)
			std::rethrow_exception(state.thrown);
		inner::check(ec, "kreg_service_state_each");
	}

	static bool ended(int err, std::error_code &ec) noexcept
	{
		if (err == -ETIMEDOUT) {
			ec.clear();
			return false;
		}
		inner::result(err, ec);
		return !ec;
	}

	struct kreg *k_ = nullptr;
};

#endif
