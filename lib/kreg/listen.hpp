// SPDX-License-Identifier: MIT
//
// kreg in C++: a listener as a range of events. Include <kreg.hpp>, which states what holds for all.
//
#ifndef KREG_LISTEN_HPP
#define KREG_LISTEN_HPP

#include <iterator>
#include <limits>
#include <memory>

#include <poll.h>

#include <kreg/registry.hpp>

// An event; valid until the listener is asked for the next.
struct kreg::event {
	kreg_event_type type;
	bool known;
	kreg::entry entry;
	std::uint64_t lost;
	kreg_end end;     // of a purge event: how the owner ended
	kreg::owner from; // of a given or taken event: the owner until then

	event(const kreg_event &of) noexcept
	    : type(static_cast<kreg_event_type>(of.type)), known(of.known), entry(of.entry),
	      lost(of.lost), end(of.end), from(of.from)
	{
	}
};

// Listens as kreg_listen(), to all entries, to those of a prefix, or to those of a pattern; what a pattern points to
// stays until the listener ends. Of one thread at a time, and ends before its registry. As a range it has the events that
// are there now, and never blocks:
//
//     while (listener.wait())
//             for (const kreg::event &event : listener)
//                     ...
class kreg::listener
{
public:
	// @flags: KREG_LISTEN_KNOWN and others.
	explicit listener(registry &in, std::string_view prefix = {}, std::uint32_t flags = 0)
	    : prefix_(new char[prefix.size() + 1])
	{
		prefix.copy(prefix_.get(), prefix.size());
		start(in,
		      prefix.empty() ? kreg::pattern()
				     : kreg::pattern::of_prefix({ prefix_.get(), prefix.size() }),
		      flags);
	}
	listener(registry &in, const kreg::pattern &of, std::uint32_t flags = 0)
	{
		start(in, of, flags);
	}
	listener(listener &&from) noexcept
	    : prefix_(std::move(from.prefix_)), listener_(std::exchange(from.listener_, nullptr))
	{
	}
	listener &operator=(listener &&from) noexcept
	{
		if (this != &from) {
			kreg_listener_close(listener_);
			listener_ = std::exchange(from.listener_, nullptr);
			prefix_ = std::move(from.prefix_);
		}
		return *this;
	}
	~listener()
	{
		kreg_listener_close(listener_);
	}

	// For poll(2) and epoll(7): readable while there may be an event.
	int fd() const noexcept
	{
		return kreg_listener_fd(listener_);
	}

	// Waits until there may be an event: false after the timeout, or if a signal came. A timeout longer than the 24
	// days that poll(2) can wait is cut to these.
	bool wait(milliseconds timeout = forever) const noexcept
	{
		constexpr auto most = std::numeric_limits<int>::max();
		pollfd of = { fd(), POLLIN, 0 };
		int limit = timeout.count() < 0      ? -1
			    : timeout.count() > most ? most
						     : static_cast<int>(timeout.count());

		return poll(&of, 1, limit) > 0;
	}

	// The next event; nothing if there is none now.
	std::optional<event> next(std::error_code &ec) noexcept
	{
		kreg_event got = {};

		if (inner::result(kreg_listener_next(listener_, &got), ec))
			return event(got);
		return std::nullopt;
	}
	std::optional<event> next()
	{
		std::error_code ec;
		auto got = next(ec);

		inner::check(ec, "kreg_listener_next");
		return got;
	}

	class iterator
	{
	public:
		using iterator_category = std::input_iterator_tag;
		using value_type = event;
		using difference_type = std::ptrdiff_t;
		using pointer = const event *;
		using reference = const event &;

		iterator() noexcept = default;
		explicit iterator(listener *of) : of_(of), now_(of->next())
		{
		}
		reference operator*() const noexcept
		{
			return *now_;
		}
		pointer operator->() const noexcept
		{
			return &*now_;
		}
		iterator &operator++()
		{
			now_ = of_->next();
			return *this;
		}
		void operator++(int)
		{
			++*this;
		}
		friend bool operator==(const iterator &a, const iterator &b) noexcept
		{
			return a.now_.has_value() == b.now_.has_value();
		}
		friend bool operator!=(const iterator &a, const iterator &b) noexcept
		{
			return !(a == b);
		}

	private:
		listener *of_ = nullptr;
		std::optional<event> now_;
	};

	iterator begin()
	{
		return iterator(this);
	}
	iterator end() noexcept
	{
		return iterator();
	}

private:
	void start(registry &in, const kreg::pattern &of, std::uint32_t flags)
	{
		std::error_code ec;

		inner::result(kreg_listen(&listener_, in.get(), &of, flags), ec);
		inner::check(ec, "kreg_listen");
	}

	std::unique_ptr<char[]> prefix_;
	kreg_listener *listener_ = nullptr;
};

#endif
