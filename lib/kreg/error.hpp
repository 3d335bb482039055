// SPDX-License-Identifier: MIT
//
// kreg in C++: errors, bytes, owners. Include <kreg.hpp>, which states what holds for all.
//
#ifndef KREG_ERROR_HPP
#define KREG_ERROR_HPP

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <version>
#ifdef __cpp_lib_span
#include <span>
#endif

#include <kreg.h>

// C++ has no namespace of the name of a struct, so all names are members of the handle's struct, which is never made.
struct kreg {
	kreg() = delete;

	static const std::error_category &category() noexcept;
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
			throw std::system_error(ec, call);
	}
};

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
