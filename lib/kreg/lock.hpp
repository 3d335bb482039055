// SPDX-License-Identifier: MIT
//
// kreg in C++: a lock that unlocks itself. Include <kreg.hpp>, which states what holds for all.
//
#ifndef KREG_LOCK_HPP
#define KREG_LOCK_HPP

#include <kreg/registry.hpp>

// A lock by key, as kreg_lock(), held by this thread's process until unlock() or the destructor. If a holder died, what
// the lock protects may be half done. It is used before its registry ends.
class kreg::lock
{
public:
	// Waits for it without a timeout.
	lock(registry &in, std::string_view key) : lock(in, key, forever)
	{
	}
	// After the timeout: std::errc::timed_out.
	lock(registry &in, std::string_view key, milliseconds timeout)
	{
		std::error_code ec;

		enter(in, key, timeout, ec);
		inner::check(ec, "kreg_lock");
	}
	lock(registry &in, std::string_view key, milliseconds timeout, std::error_code &ec) noexcept
	{
		enter(in, key, timeout, ec);
	}
	lock(lock &&from) noexcept
	    : k_(std::exchange(from.k_, nullptr)), lock_(std::exchange(from.lock_, {}))
	{
	}
	lock &operator=(lock &&from) noexcept
	{
		if (this != &from) {
			unlock();
			k_ = std::exchange(from.k_, nullptr);
			lock_ = std::exchange(from.lock_, {});
		}
		return *this;
	}
	~lock()
	{
		unlock();
	}

	explicit operator bool() const noexcept
	{
		return k_;
	}
	void unlock() noexcept
	{
		if (k_)
			kreg_unlock(k_, &lock_);
		k_ = nullptr;
	}

private:
	friend class pending;
	lock(struct kreg *k, const struct kreg_lock &held) noexcept : k_(k), lock_(held)
	{
	}
	void enter(registry &in, std::string_view key, milliseconds timeout,
		   std::error_code &ec) noexcept
	{
		inner::result(kreg_lock(in.get(), key.data(), key.size(), timeout.count(), &lock_),
			      ec);
		if (!ec)
			k_ = in.get();
	}

	struct kreg *k_ = nullptr;
	struct kreg_lock lock_ = {};
};

#endif
