// SPDX-License-Identifier: MIT
//
// kreg in C++17 and later: objects that close, unregister, leave and unlock by themselves. Header only, above <kreg.h>,
// which says what each call does; link libkreg.
//
//     kreg::registry registry("default");
//     kreg::name name(registry, "config_server", "/run/config.sock");
//
//     if (auto found = registry.lookup("config_server"))
//             std::cout << found->text() << " of " << found->holder().pid << '\n';
//
// The following holds for all of it.
//
// Errors     As in std::filesystem: with a last argument std::error_code & nothing is thrown but std::bad_alloc where a
//            string is copied; without it a failure is a std::system_error. The codes are positive errnos of
//            kreg::category() and compare equal to std::errc. What is not found, or did not come before the timeout, is
//            no error: std::nullopt, or false.
// Keys       std::string_view, of 1 to KREG_KEY_MAX bytes of any kind.
// Values     kreg::bytes: of strings, and under C++20 of std::span<const std::byte>, which it becomes too.
// Memory     A lookup allocates nothing: it copies into the caller's buffer, or into the kreg::value that it returns.
// Lifetime   Objects are moved, not copied. Names, listeners, locks and sections end before their registry, as they do if
//            they are declared after it; a registry may be moved meanwhile, to one that ends after them too.
// Threads    All threads may use a registry at once. A name, a lock or a listener is for one thread at a time; a section
//            belongs to the thread that has made it.
// Fork       In a child the objects that it inherited may only look up and be destroyed; destructors leave the parent's
//            names alone.
// Death      of this process, at any instruction, ends its names and locks without a destructor. The death of another
//            makes its entries absent. An exception that leaves main() without being caught runs no destructors, and need
//            not.
// Scope      kreg is a struct, the handle of C, and not a namespace: using registry = kreg::registry.
// C          registry.get() is the handle for all other calls.
#ifndef KREG_HPP
#define KREG_HPP

#if !defined(__cplusplus) || __cplusplus < 201703L
#error "<kreg.hpp> needs C++17; <kreg.h> needs C++11"
#endif

#include <kreg/error.hpp>
#include <kreg/listen.hpp>
#include <kreg/lock.hpp>
#include <kreg/name.hpp>
#include <kreg/pending.hpp>
#include <kreg/pool.hpp>
#include <kreg/registry.hpp>
#include <kreg/remote.hpp>
#include <kreg/section.hpp>

#endif
