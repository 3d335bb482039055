// SPDX-License-Identifier: MIT
//
// kreg in C++: what is known of processes of other hosts, and of services. Include <kreg.hpp>, which states what holds for
// all.
//
#ifndef KREG_REMOTE_HPP
#define KREG_REMOTE_HPP

#include <kreg/error.hpp>

// A process of another host, with the size set, its user unknown and the rest 0.
struct kreg::remote : kreg_remote {
	remote() noexcept : kreg_remote()
	{
		size = sizeof(kreg_remote);
		uid = KREG_ID_UNKNOWN;
	}
	// A host that is longer than KREG_HOST_MAX, or has a NUL inside, is refused when a name is registered.
	explicit remote(std::string_view of) noexcept : remote()
	{
		if (of.find('\0') == std::string_view::npos)
			of.copy(host, sizeof(host));
	}
	std::string_view host_name() const noexcept
	{
		return { host, strnlen(host, sizeof(host)) };
	}
};

// What the supervisor of a service reports of it, with the size set.
struct kreg::service_state : kreg_service_state {
	service_state() noexcept : kreg_service_state()
	{
		size = sizeof(kreg_service_state);
	}
	service_state(const kreg_service_state &from) noexcept : kreg_service_state(from)
	{
	}
};

#endif
