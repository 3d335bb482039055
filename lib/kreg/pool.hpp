// SPDX-License-Identifier: MIT
//
// kreg in C++: a pool of workers. Include <kreg.hpp>, which states what holds for all.
//
#ifndef KREG_POOL_HPP
#define KREG_POOL_HPP

#include <kreg/registry.hpp>

// The entries under one key, or those whose keys begin with a prefix, and whose turn it is. For one thread at a time; a
// copy is another pool, and goes on where the first one is. It is used before its registry ends.
class kreg::pool
{
public:
	static pool of_key(const registry &in, std::string_view key)
	{
		return pool(in, key, KREG_POOL("", 0));
	}
	static pool of_prefix(const registry &in, std::string_view prefix)
	{
		return pool(in, prefix, KREG_POOL_PREFIX("", 0));
	}

	// The next worker, with a value of at most @Most bytes, as kreg_pool_next(): nothing if there is none.
	template <std::size_t Most = 256>
	std::optional<kreg::value<Most>> next(std::error_code &ec) noexcept
	{
		return found<Most>(
			[this](void *room, kreg_owner *holder) {
				return kreg_pool_next(k_, point(), room, Most, holder);
			},
			ec);
	}
	template <std::size_t Most = 256> std::optional<kreg::value<Most>> next()
	{
		std::error_code ec;
		auto of = next<Most>(ec);

		inner::check(ec, "kreg_pool_next");
		return of;
	}

	// The one with the smallest counter, as kreg_pool_least(); its value is the counter.
	std::optional<kreg::value<8>> least(std::error_code &ec) noexcept
	{
		return found<8>(
			[this](void *room, kreg_owner *holder) {
				return kreg_pool_least(k_, point(), room, 8, holder);
			},
			ec);
	}
	std::optional<kreg::value<8>> least()
	{
		std::error_code ec;
		auto of = least(ec);

		inner::check(ec, "kreg_pool_least");
		return of;
	}

	// The one for a sub-key, as kreg_pool_for().
	template <std::size_t Most = 256>
	std::optional<kreg::value<Most>> worker_for(bytes what, std::error_code &ec) noexcept
	{
		return found<Most>(
			[this, what](void *room, kreg_owner *holder) {
				return kreg_pool_for(k_, point(), what.data(), what.size(), room,
						     Most, holder);
			},
			ec);
	}
	template <std::size_t Most = 256> std::optional<kreg::value<Most>> worker_for(bytes what)
	{
		std::error_code ec;
		auto of = worker_for<Most>(what, ec);

		inner::check(ec, "kreg_pool_for");
		return of;
	}

	// The key of the worker that was found last.
	std::string_view key() const noexcept
	{
		return { pool_.found, pool_.found_size };
	}

private:
	pool(const registry &in, std::string_view of, const kreg_pool &from)
	    : k_(in.get()), of_(of), pool_(from)
	{
	}

	// Each time: the string moves with the object.
	kreg_pool *point() noexcept
	{
		pool_.key = of_.data();
		pool_.key_size = static_cast<std::uint32_t>(
			of_.size() <= KREG_KEY_MAX ? of_.size() : KREG_KEY_MAX + 1);
		return &pool_;
	}

	template <std::size_t Most, class Call>
	std::optional<kreg::value<Most>> found(Call call, std::error_code &ec) noexcept
	{
		std::optional<kreg::value<Most>> of(std::in_place);
		auto size = inner::found(call(of->room_, &of->holder_), ec);

		if (size)
			of->size_ = *size;
		else
			of.reset();
		return of;
	}

	struct kreg *k_;
	std::string of_;
	kreg_pool pool_;
};

#endif
