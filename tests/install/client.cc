// SPDX-License-Identifier: MIT
// A user of libkreg in C++: registers a name and finds it.
#include <iostream>

#include <kreg.hpp>

int main()
{
	kreg::registry registry("install");
	kreg::name name(registry, "client_cpp", "value");
	auto found = registry.lookup("client_cpp");

	std::cout << found->text() << '\n';
	return found->text() == "value" ? 0 : 1;
}
