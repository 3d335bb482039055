// SPDX-License-Identifier: MIT
//
// kreg in C++: waits that do not block, for event loops. Include <kreg.hpp>, which states what holds for all.
//
#ifndef KREG_PENDING_HPP
#define KREG_PENDING_HPP

#include <kreg/lock.hpp>

// A wait that was begun, as kreg_await_begin() and others: its fd becomes readable when there may be a result. Put the fd
// into the loop, ask over(), holder() or lock() when it is readable, and again if the answer was no. Of one thread at a
// time; ends before its registry. Its end gives up the wait, and a place in the line of a lock.
class kreg::pending
{
public:
	// Until the key has an owner; ask holder().
	static pending until_there(registry &in, std::string_view key, std::error_code &ec) noexcept
	{
		return begin(kreg_await_begin, ec, in.get(), key.data(), key.size());
	}
	static pending until_there(registry &in, std::string_view key)
	{
		return checked("kreg_await_begin",
			       [&](std::error_code &ec) { return until_there(in, key, ec); });
	}

	// Until @of no longer holds the key; ask over().
	static pending until_gone(registry &in, std::string_view key, const kreg::owner &of,
				  std::error_code &ec) noexcept
	{
		return begin(kreg_await_gone_begin, ec, in.get(), key.data(), key.size(),
			     static_cast<const kreg_owner *>(&of));
	}
	static pending until_gone(registry &in, std::string_view key, const kreg::owner &of)
	{
		return checked("kreg_await_gone_begin",
			       [&](std::error_code &ec) { return until_gone(in, key, of, ec); });
	}

	// Until the caller, which is in line for the key, holds it; ask over().
	static pending until_turn(registry &in, std::string_view key, std::error_code &ec) noexcept
	{
		return begin(kreg_await_turn_begin, ec, in.get(), key.data(), key.size());
	}
	static pending until_turn(registry &in, std::string_view key)
	{
		return checked("kreg_await_turn_begin",
			       [&](std::error_code &ec) { return until_turn(in, key, ec); });
	}

	// Until the caller has the lock; ask lock().
	static pending until_locked(registry &in, std::string_view key,
				    std::error_code &ec) noexcept
	{
		return begin(kreg_lock_begin, ec, in.get(), key.data(), key.size());
	}
	static pending until_locked(registry &in, std::string_view key)
	{
		return checked("kreg_lock_begin",
			       [&](std::error_code &ec) { return until_locked(in, key, ec); });
	}

	pending(pending &&from) noexcept
	    : k_(std::exchange(from.k_, nullptr)), pending_(std::exchange(from.pending_, nullptr))
	{
	}
	pending &operator=(pending &&from) noexcept
	{
		if (this != &from) {
			kreg_pending_close(pending_);
			k_ = std::exchange(from.k_, nullptr);
			pending_ = std::exchange(from.pending_, nullptr);
		}
		return *this;
	}
	~pending()
	{
		kreg_pending_close(pending_);
	}

	explicit operator bool() const noexcept
	{
		return pending_;
	}
	// For waiting for POLLIN, and nothing else. Remove it from epoll before this object ends.
	int fd() const noexcept
	{
		return kreg_pending_fd(pending_);
	}

	// Whether the wait is over.
	bool over(std::error_code &ec) noexcept
	{
		return ended(kreg_pending_result(pending_, nullptr), ec);
	}
	bool over()
	{
		std::error_code ec;
		bool is = over(ec);

		inner::check(ec, "kreg_pending_result");
		return is;
	}

	// The owner of the key, as soon as it has one.
	std::optional<kreg::owner> holder(std::error_code &ec) noexcept
	{
		kreg_found found = {};

		if (ended(kreg_pending_result(pending_, &found), ec))
			return kreg::owner(found.owner);
		return std::nullopt;
	}
	std::optional<kreg::owner> holder()
	{
		std::error_code ec;
		auto is = holder(ec);

		inner::check(ec, "kreg_pending_result");
		return is;
	}

	// The lock, as soon as it is the caller's; once.
	std::optional<kreg::lock> lock(std::error_code &ec) noexcept
	{
		struct kreg_lock held = {};

		if (ended(kreg_pending_lock(pending_, &held), ec))
			return kreg::lock(k_, held);
		return std::nullopt;
	}
	std::optional<kreg::lock> lock()
	{
		std::error_code ec;
		auto is = lock(ec);

		inner::check(ec, "kreg_pending_lock");
		return is;
	}

private:
	pending() noexcept = default;

	template <class... Parameters, class... Arguments>
	static pending begin(int (*call)(kreg_pending **, struct kreg *, Parameters...),
			     std::error_code &ec, struct kreg *k, Arguments... arguments) noexcept
	{
		pending made;

		made.k_ = k;
		inner::result(call(&made.pending_, k, arguments...), ec);
		return made;
	}

	template <class Begin> static pending checked(const char *call, Begin begin)
	{
		std::error_code ec;
		pending made = begin(ec);

		inner::check(ec, call);
		return made;
	}

	static bool ended(int err, std::error_code &ec) noexcept
	{
		if (err == -EAGAIN) {
			ec.clear();
			return false;
		}
		inner::result(err, ec);
		return !ec;
	}

	struct kreg *k_ = nullptr;
	kreg_pending *pending_ = nullptr;
};

#endif
