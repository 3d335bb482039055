/* SPDX-License-Identifier: MIT */
/*
 * kreg: how KREG_OPTIONS, KREG_PATTERN, KREG_START and KREG_SUPERVISION define a struct: its
 * @size is set, and a field that is not named is 0. In C++ the fields are named as in C, in
 * the order of the struct, from C++11 on.
 *
 * Include <kreg.h>.
 */
#ifndef KREG_STRUCT_H
#define KREG_STRUCT_H

#ifdef __cplusplus
/*
 * C++ knows the names of fields since C++20 only, and compilers warn of fields that are not
 * named. They do not warn of what a system header expands to; a user's own fields in it need
 * __extension__ besides. A struct can have the name of a function, so not: type { }.
 */
#pragma GCC system_header
#define KREG_STRUCT(type, name, ...)                                                               \
	struct type name = __extension__ decltype(name)                                            \
	{                                                                                          \
		.size = sizeof(struct type), __VA_ARGS__                                           \
	}
#else
#define KREG_STRUCT(type, name, ...) struct type name = { .size = sizeof(struct type), __VA_ARGS__ }
#endif

#endif
