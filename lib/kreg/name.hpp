// SPDX-License-Identifier: MIT
//
// kreg in C++: a name that unregisters itself. Include <kreg.hpp>, which states what holds for all.
//
#ifndef KREG_NAME_HPP
#define KREG_NAME_HPP

#include <kreg/registry.hpp>

// A key that this process has registered. The destructor unregisters it, with all entries of the process under the key:
// with duplicate keys have one object for each key. It is used before its registry ends; the registry may be moved.
class kreg::name
{
public:
	// No name; only to be assigned to.
	name() noexcept = default;

	// Registers as kreg_register_with(), with its flags. Is the key taken, then the error is
	// std::errc::file_exists, and @holder gets its owner.
	name(registry &in, std::string_view key, bytes value = {}, std::uint32_t flags = 0,
	     kreg::owner *holder = nullptr)
	{
		std::error_code ec;

		enter(in, key, value, flags, holder, ec);
		inner::check(ec, "kreg_register");
	}
	name(registry &in, std::string_view key, bytes value, std::uint32_t flags,
	     kreg::owner *holder, std::error_code &ec)
	{
		enter(in, key, value, flags, holder, ec);
	}
	name(name &&from) noexcept
	    : k_(std::exchange(from.k_, nullptr)), key_(std::move(from.key_)),
	      waiting_(from.waiting_)
	{
	}
	name &operator=(name &&from) noexcept
	{
		if (this != &from) {
			unregister();
			k_ = std::exchange(from.k_, nullptr);
			key_ = std::move(from.key_);
			waiting_ = from.waiting_;
		}
		return *this;
	}
	~name()
	{
		unregister();
	}

	// A name of a process of another host, as kreg_register_remote(). update_remote() changes it; what would change
	// a name of this process fails with EREMOTE.
	static name of_remote(registry &in, std::string_view key, const kreg::remote &of,
			      bytes value, std::uint32_t flags, kreg::owner *holder,
			      std::error_code &ec)
	{
		kreg_found found = {};
		name made;

		made.key_ = key;
		inner::result(kreg_register_remote(in.get(), key.data(), key.size(), value.data(),
						   value.size(), &of, flags, &found),
			      ec);
		if (!ec)
			made.k_ = in.get();
		if (holder && ec == std::errc::file_exists)
			*holder = found.owner;
		return made;
	}
	static name of_remote(registry &in, std::string_view key, const kreg::remote &of,
			      bytes value = {}, std::uint32_t flags = 0,
			      kreg::owner *holder = nullptr)
	{
		std::error_code ec;
		name made = of_remote(in, key, of, value, flags, holder, ec);

		inner::check(ec, "kreg_register_remote");
		return made;
	}

	explicit operator bool() const noexcept
	{
		return k_;
	}
	const std::string &key() const noexcept
	{
		return key_;
	}
	// It was registered with KREG_REGISTER_QUEUE or was taken over, and others were ahead in the line.
	bool waiting() const noexcept
	{
		return waiting_;
	}

	void unregister() noexcept
	{
		if (k_)
			kreg_unregister(k_, key_.data(), key_.size());
		k_ = nullptr;
	}
	// The name stays registered until the process ends or its registry is closed.
	void release() noexcept
	{
		k_ = nullptr;
	}

	// Gives it another value, as kreg_update().
	void update(bytes value, std::error_code &ec) noexcept
	{
		inner::result(kreg_update(k_, key_.data(), key_.size(), value.data(), value.size(),
					  nullptr, 0),
			      ec);
	}
	void update(bytes value)
	{
		std::error_code ec;

		update(value, ec);
		inner::check(ec, "kreg_update");
	}

	// Changes the value of a name of another host, and what it says of that.
	void update_remote(const kreg::remote &of, bytes value)
	{
		std::error_code ec;

		inner::result(kreg_register_remote(k_, key_.data(), key_.size(), value.data(),
						   value.size(), &of, 0, nullptr),
			      ec);
		inner::check(ec, "kreg_register_remote");
	}

	// The same as update() if the value is @expected; false if it is another one.
	bool update_if(bytes value, bytes expected)
	{
		std::error_code ec;
		int err = kreg_update_if(k_, key_.data(), key_.size(), value.data(), value.size(),
					 expected.data(), expected.size());

		inner::result(err == -ECANCELED ? 0 : err, ec);
		inner::check(ec, "kreg_update_if");
		return !err;
	}

	// Publishes a name that was registered with KREG_REGISTER_RESERVED.
	void publish(bytes value)
	{
		std::error_code ec;

		waiting_ = inner::result(kreg_publish(k_, key_.data(), key_.size(), value.data(),
						      value.size()),
					 ec) == KREG_WAITING;
		inner::check(ec, "kreg_publish");
	}

	// Whether it may be taken over, and is dropped then, as kreg_set_flags(). False, and waiting(): others are ahead.
	bool set_flags(std::uint32_t flags)
	{
		std::error_code ec;

		waiting_ = inner::result(kreg_set_flags(k_, key_.data(), key_.size(), flags), ec) ==
			   KREG_WAITING;
		inner::check(ec, "kreg_set_flags");
		return !waiting_;
	}
	// As kreg_get_flags(); @ahead gets its place in the line.
	std::uint32_t flags(std::uint32_t *ahead = nullptr)
	{
		std::error_code ec;
		std::uint32_t flags = 0;
		int got = inner::result(kreg_get_flags(k_, key_.data(), key_.size(), &flags), ec);

		inner::check(ec, "kreg_get_flags");
		if (ahead)
			*ahead = static_cast<std::uint32_t>(got);
		return flags;
	}

	// Adds to a value of 8 bytes, as kreg_counter_add(), and returns the sum.
	std::int64_t add(std::int64_t delta)
	{
		std::int64_t now = 0;
		std::error_code ec;

		inner::result(kreg_counter_add(k_, key_.data(), key_.size(), delta, &now), ec);
		inner::check(ec, "kreg_counter_add");
		return now;
	}
	// The same, but the counter becomes @to if the sum passes @threshold, as kreg_counter_add_bounded().
	std::int64_t add(std::int64_t delta, std::int64_t threshold, std::int64_t to)
	{
		std::int64_t now = 0;
		std::error_code ec;

		inner::result(kreg_counter_add_bounded(k_, key_.data(), key_.size(), delta,
						       threshold, to, &now),
			      ec);
		inner::check(ec, "kreg_counter_add_bounded");
		return now;
	}

	// Sets a value of 8 bytes, as kreg_counter_reset(), and returns what it was.
	std::int64_t reset(std::int64_t to = 0)
	{
		std::int64_t before = 0;
		std::error_code ec;

		inner::result(kreg_counter_reset(k_, key_.data(), key_.size(), to, &before), ec);
		inner::check(ec, "kreg_counter_reset");
		return before;
	}

	// Gives it to another process, as kreg_give(); then it is no longer this one's.
	void give(const kreg::owner &to)
	{
		std::error_code ec;

		inner::result(kreg_give(k_, key_.data(), key_.size(), &to), ec);
		inner::check(ec, "kreg_give");
		release();
	}

	// Waits until it is first in line, as kreg_await_turn(); false after the timeout.
	bool wait_turn(milliseconds timeout = forever)
	{
		std::error_code ec;
		int err = kreg_await_turn(k_, key_.data(), key_.size(), timeout.count());

		inner::result(err == -ETIMEDOUT ? 0 : err, ec);
		inner::check(ec, "kreg_await_turn");
		waiting_ = err;
		return !err;
	}

private:
	void enter(registry &in, std::string_view key, bytes value, std::uint32_t flags,
		   kreg::owner *holder, std::error_code &ec)
	{
		kreg_found found = {};

		key_ = key; // first: it may throw
		waiting_ =
			inner::result(kreg_register_with(in.get(), key.data(), key.size(),
							 value.data(), value.size(), flags, &found),
				      ec) == KREG_WAITING;
		if (!ec)
			k_ = in.get();
		if (holder && (waiting_ || ec == std::errc::file_exists))
			*holder = found.owner;
	}

	struct kreg *k_ = nullptr;
	std::string key_;
	bool waiting_ = false;
};

#endif
