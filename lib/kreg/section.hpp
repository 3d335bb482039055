// SPDX-License-Identifier: MIT
//
// kreg in C++: a read section, in which values are read where they lie. Include <kreg.hpp>, which states what holds for
// all.
//
#ifndef KREG_SECTION_HPP
#define KREG_SECTION_HPP

#include <kreg/registry.hpp>

// As kreg_read_enter(): of the thread that makes it, kept short. What read() returned is valid until leave(). That fails
// with std::errc's ESTALE if the section was expelled, and what was read may be wrong; so call it before what was read is
// believed. The destructor leaves too, and says nothing.
class kreg::section
{
public:
	explicit section(const registry &in) : k_(in.get())
	{
		std::error_code ec;

		inner::result(kreg_read_enter(k_), ec);
		inner::check(ec, "kreg_read_enter");
	}
	section(const registry &in, std::error_code &ec) noexcept : k_(in.get())
	{
		inner::result(kreg_read_enter(k_), ec);
		if (ec)
			k_ = nullptr;
	}
	section(const section &) = delete;
	section &operator=(const section &) = delete;
	~section()
	{
		if (k_)
			kreg_read_leave(k_);
	}

	std::optional<bytes> read(std::string_view key, kreg::owner *holder,
				  std::error_code &ec) const noexcept
	{
		const void *value = nullptr;
		auto size = inner::found(kreg_read(k_, key.data(), key.size(), &value, holder), ec);

		if (!size)
			return std::nullopt;
		return bytes(value, *size);
	}
	std::optional<bytes> read(std::string_view key, kreg::owner *holder = nullptr) const
	{
		std::error_code ec;
		auto value = read(key, holder, ec);

		inner::check(ec, "kreg_read");
		return value;
	}

	void leave(std::error_code &ec) noexcept
	{
		inner::result(kreg_read_leave(std::exchange(k_, nullptr)), ec);
	}
	void leave()
	{
		std::error_code ec;

		leave(ec);
		inner::check(ec, "kreg_read_leave");
	}

private:
	struct kreg *k_;
};

#endif
