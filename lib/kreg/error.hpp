// SPDX-License-Identifier: MIT
//
// kreg in C++: errors, bytes, owners. Include <kreg.hpp>, which states what holds for all.
//
#ifndef KREG_ERROR_HPP
#define KREG_ERROR_HPP

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <version>
#ifdef __cpp_lib_span
#include <span>
#endif

#include <kreg.h>

// C++ has no namespace of the name of a struct, so all names are members of the handle's struct, which is never made.
struct kreg {
	kreg() = delete;

	static const std::error_category &category() noexcept;
	// Sets a log of the process, as kreg_set_log(): what a call refuses and why, in one sentence. An empty function is
	// none. Any thread. The log may be called by several threads at once; what it throws is ignored. It takes a
	// lock, so a program that calls kreg in signal handlers has one of kreg_set_log().
	static void set_log(std::function<void(std::string_view)> log);
	struct inner;
	class bytes;
	struct owner;
	struct options;
	struct pattern;
	template <std::size_t Most = 256> class value;
	struct entry;
	class registry;
	class name;
	class section;
	struct event;
	class listener;
	class lock;
	class pending;
	class pool;
	struct remote;
	struct service_state;

	using milliseconds = std::chrono::milliseconds;
	// No timeout.
	static constexpr milliseconds forever{ -1 };
};

// The category of errors of kreg: the values are positive errnos, the messages kreg_strerror()'s. They compare equal to
// std::errc, as in: ec == std::errc::file_exists.
inline const std::error_category &kreg::category() noexcept
{
	struct of_kreg : std::error_category {
		const char *name() const noexcept override
		{
			return "kreg";
		}
		std::string message(int value) const override
		{
			return kreg_strerror(-value);
		}
		std::error_condition default_error_condition(int value) const noexcept override
		{
			return std::error_condition(value, std::generic_category());
		}
	};
	static const of_kreg instance;

	return instance;
}

struct kreg::inner {
	// Splits what a call has returned into a result and an error.
	template <class T> static T result(T returned, std::error_code &ec) noexcept
	{
		if (returned < 0) {
			ec.assign(static_cast<int>(-returned), category());
			return 0;
		}
		ec.clear();
		return returned;
	}

	// The same for a lookup: nothing, and no error, if the key has no owner.
	static std::optional<std::size_t> found(ssize_t size, std::error_code &ec) noexcept
	{
		if (size == -ENOENT) {
			ec.clear();
			return std::nullopt;
		}
		result(size, ec);
		if (ec)
			return std::nullopt;
		return static_cast<std::size_t>(size);
	}

	static void check(const std::error_code &ec, const char *call)
	{
		if (ec)
			throw std::system_error(ec, why(ec, call));
	}

	// What a call has refused, if a registry without a log of its own has just heard it in this thread; else the call.
	static const char *why(const std::error_code &ec, const char *call) noexcept
	{
		std::size_t size = std::strlen(call);
		const char *text = heard();

		return ec.value() == EINVAL && !std::strncmp(text, call, size) && text[size] == ':'
			       ? text
			       : call;
	}
	static constexpr std::size_t heard_max = 512;
	static char *heard() noexcept
	{
		thread_local char text[heard_max];

		return text;
	}
	// The log of such a registry: it needs no data, so the registry may be moved.
	static void hear(const char *sentence, void *) noexcept
	{
		std::snprintf(heard(), heard_max, "%s", sentence);
		to_log(sentence, nullptr);
	}

	using log = std::function<void(std::string_view)>;
	struct logs {
		std::mutex mutex;
		std::shared_ptr<const log> current;
	};
	// Never destroyed: other threads may call kreg while the process exits.
	static logs &of_process()
	{
		static logs &of = *new logs;

		return of;
	}
	static void to_log(const char *sentence, void *) noexcept
	{
		try {
			std::shared_ptr<const log> current;
			{
				std::lock_guard<std::mutex> lock(of_process().mutex);

				current = of_process().current;
			}
			if (current && *current)
				(*current)(sentence);
		} catch (...) {
		}
	}
};

inline void kreg::set_log(std::function<void(std::string_view)> log)
{
	bool none = !log;
	auto next = std::make_shared<const inner::log>(std::move(log));
	inner::logs &of = inner::of_process();

	{
		std::lock_guard<std::mutex> lock(of.mutex);

		of.current.swap(next);
	}
	if (kreg_set_log(none ? nullptr : inner::to_log, nullptr))
		throw std::bad_alloc();
}

// Bytes that belong to another: a value that is passed to kreg, or one that lies in a section or in an event. Made of
// strings, and under C++20 of anything of which std::as_bytes() makes a std::span, which it also becomes.
class kreg::bytes
{
public:
	constexpr bytes() noexcept = default;
	constexpr bytes(const void *data, std::size_t size) noexcept : data_(data), size_(size)
	{
	}
	constexpr bytes(std::string_view text) noexcept : data_(text.data()), size_(text.size())
	{
	}
	constexpr bytes(const char *text) noexcept : bytes(std::string_view(text))
	{
	}
	bytes(const std::string &text) noexcept : data_(text.data()), size_(text.size())
	{
	}
#ifdef __cpp_lib_span
	template <std::size_t N>
	constexpr bytes(std::span<const std::byte, N> span) noexcept
	    : data_(span.data()), size_(span.size())
	{
	}
	operator std::span<const std::byte>() const noexcept
	{
		return { begin(), size_ };
	}
#endif
	const std::byte *begin() const noexcept
	{
		return static_cast<const std::byte *>(data_);
	}
	const std::byte *end() const noexcept
	{
		return begin() + size_;
	}
	constexpr const void *data() const noexcept
	{
		return data_;
	}
	constexpr std::size_t size() const noexcept
	{
		return size_;
	}
	constexpr bool empty() const noexcept
	{
		return size_ == 0;
	}
	std::string_view text() const noexcept
	{
		return { static_cast<const char *>(data_), size_ };
	}

private:
	const void *data_ = "";
	std::size_t size_ = 0;
};

// The process behind an entry: this very process, never another one with its pid.
struct kreg::owner : kreg_owner {
	owner() noexcept : kreg_owner()
	{
	}
	owner(const kreg_owner &from) noexcept : kreg_owner(from)
	{
	}
	friend bool operator==(const owner &a, const owner &b) noexcept
	{
		return a.token == b.token && a.pid == b.pid;
	}
	friend bool operator!=(const owner &a, const owner &b) noexcept
	{
		return !(a == b);
	}
};

#endif
