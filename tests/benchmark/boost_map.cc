// SPDX-License-Identifier: MIT
//
// The map of boost_map.h. It has the hash that the other contestants have, and looks a name up
// without making a string of it first.
#include <cstring>
#include <functional>
#include <new>

#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_sharable_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <boost/interprocess/sync/sharable_lock.hpp>
#include <boost/unordered_map.hpp>

#define XXH_INLINE_ALL
#include <xxhash.h>

// The definitions here are not weak.
#define __attribute__(x)
#include "tests/benchmark/boost_map.h"
#undef __attribute__

namespace bi = boost::interprocess;
using memory = bi::managed_shared_memory::segment_manager;

// Bytes of a caller's, which are compared with those in shared memory.
struct bytes {
	const char *at;
	size_t size;
};

struct strings {
	using allocator = bi::allocator<char, memory>;
	using key = bi::basic_string<char, std::char_traits<char>, allocator>;
	using value = key;

	static key key_of(bytes b, memory *m)
	{
		return key(b.at, b.size, allocator(m));
	}
	static value value_of(bytes b, memory *m)
	{
		return key_of(b, m);
	}
	static bytes of(const key &k)
	{
		return { k.data(), k.size() };
	}
};

struct fixed {
	struct key {
		char at[32];
	};
	struct value {
		char at[8];
	};

	static key key_of(bytes b, memory *)
	{
		key k;
		memcpy(k.at, b.at, sizeof(k.at));
		return k;
	}
	static value value_of(bytes b, memory *)
	{
		value v;
		memcpy(v.at, b.at, sizeof(v.at));
		return v;
	}
	static bytes of(const key &k)
	{
		return { k.at, sizeof(k.at) };
	}
	static bytes of(const value &v)
	{
		return { v.at, sizeof(v.at) };
	}
};

// The sizes of the fixed are constants, so that hash, comparison and copy are compiled for them.
template <class Kind> struct hashed {
	size_t operator()(bytes b) const
	{
		return XXH3_64bits(b.at, b.size);
	}
	size_t operator()(const typename Kind::key &k) const
	{
		return (*this)(Kind::of(k));
	}
};

template <class Kind> struct same {
	using key = typename Kind::key;

	static bool are(bytes a, bytes b)
	{
		return a.size == b.size && !memcmp(a.at, b.at, a.size);
	}
	bool operator()(bytes a, const key &b) const
	{
		return are(a, Kind::of(b));
	}
	bool operator()(const key &a, bytes b) const
	{
		return are(Kind::of(a), b);
	}
	bool operator()(const key &a, const key &b) const
	{
		return are(Kind::of(a), Kind::of(b));
	}
};

struct boost_map {
	virtual ~boost_map() = default;
	virtual int add(bytes key, bytes value) = 0;
	virtual int remove(bytes key) = 0;
	virtual ssize_t find(bytes key, void *value) = 0;
};

namespace
{

template <class Kind> class map_of final : public boost_map
{
	using pair = std::pair<const typename Kind::key, typename Kind::value>;
	using table = boost::unordered_map<typename Kind::key, typename Kind::value, hashed<Kind>,
					   same<Kind>, bi::allocator<pair, memory>>;

	bi::managed_shared_memory shared;
	bi::interprocess_sharable_mutex *mutex;
	table *names;

      public:
	map_of(const char *name, size_t size) : shared(bi::create_only, name, size)
	{
		// Nobody else opens it here, and this way a benchmark that is killed leaves nothing.
		bi::shared_memory_object::remove(name);
		mutex = shared.construct<bi::interprocess_sharable_mutex>("mutex")();
		names = shared.construct<table>("names")(0, hashed<Kind>(), same<Kind>(),
							 shared.get_segment_manager());
	}

	int add(bytes key, bytes value) override
	{
		memory *m = shared.get_segment_manager();
		bi::scoped_lock<bi::interprocess_sharable_mutex> lock(*mutex);

		return names->emplace(Kind::key_of(key, m), Kind::value_of(value, m)).second;
	}

	int remove(bytes key) override
	{
		bi::scoped_lock<bi::interprocess_sharable_mutex> lock(*mutex);
		auto at = names->find(key, hashed<Kind>(), same<Kind>());

		if (at == names->end())
			return 0;
		names->erase(at);
		return 1;
	}

	ssize_t find(bytes key, void *value) override
	{
		bi::sharable_lock<bi::interprocess_sharable_mutex> lock(*mutex);
		auto at = names->find(key, hashed<Kind>(), same<Kind>());
		bytes found;

		if (at == names->end())
			return -1;
		found = Kind::of(at->second);
		memcpy(value, found.at, found.size);
		return (ssize_t)found.size;
	}
};

} // namespace

struct boost_map *boost_map_create(const char *name, enum boost_keys keys, size_t entries,
				   size_t entry_size)
{
	// A node, its two strings, what the allocator adds to each, and buckets twice, as they are
	// while the table grows. What is not used takes no memory.
	size_t size = (32ul << 20) + entries * (entry_size + 256);

	try {
		if (keys == BOOST_FIXED_32_8)
			return new map_of<fixed>(name, size);
		return new map_of<strings>(name, size);
	} catch (const std::exception &) {
		return nullptr;
	}
}

void boost_map_destroy(struct boost_map *map)
{
	delete map;
}

int boost_map_add(struct boost_map *map, const void *key, size_t key_size, const void *value,
		  size_t value_size)
{
	try {
		return map->add({ (const char *)key, key_size },
				{ (const char *)value, value_size });
	} catch (const std::exception &) {
		return 0;
	}
}

int boost_map_remove(struct boost_map *map, const void *key, size_t key_size)
{
	return map->remove({ (const char *)key, key_size });
}

ssize_t boost_map_find(struct boost_map *map, const void *key, size_t key_size, void *value)
{
	return map->find({ (const char *)key, key_size }, value);
}
