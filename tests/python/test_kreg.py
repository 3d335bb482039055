# SPDX-License-Identifier: MIT
"""The package as its users have it, with processes that are killed; run by cli_python.sh, with regtool in $REGTOOL."""
import asyncio
import errno
import os
import signal
import subprocess
import sys
import tempfile
import unittest

import kreg

REGTOOL = os.environ["REGTOOL"]
SERVICE = """
import kreg, sys, time
registry = kreg.Registry("default")
name = registry.register(sys.argv[1], "of python")
print("ready", flush=True)
time.sleep(1000)
"""


def regtool(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([REGTOOL, *args], capture_output=True, text=True, timeout=30)


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.registry = kreg.Registry("default")
        self.children: "list[subprocess.Popen[str]]" = []

    def tearDown(self) -> None:
        for child in self.children:
            child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()
        self.registry.close()

    def spawn(self, *argv: str) -> "subprocess.Popen[str]":
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self.children.append(child)
        return child

    def service(self, key: str) -> "subprocess.Popen[str]":
        child = self.spawn(sys.executable, "-c", SERVICE, key)
        assert child.stdout and child.stdout.readline() == "ready\n"
        return child


class Names(Case):
    def test_found_and_not_found(self) -> None:
        with self.registry.register("a", b"\0value"):
            found = self.registry["a"]
            self.assertEqual((found.value, found.owner), (b"\0value", self.registry.self()))
            self.assertIn("a", self.registry)
            self.assertEqual(len(self.registry), 1)
        self.assertIsNone(self.registry.lookup(b"a"))
        self.assertRaises(KeyError, lambda: self.registry["a"])

    def test_large_value(self) -> None:
        with self.registry.register("large", "x" * 65536):
            self.assertEqual(self.registry["large"].text, "x" * 65536)
            with self.assertRaises(kreg.Error) as caught:
                self.registry.register("larger", "x" * 65537)
            self.assertEqual(caught.exception.errno, errno.EMSGSIZE)

    def test_errors(self) -> None:
        with self.registry.register("taken"):
            with self.assertRaises(FileExistsError) as caught:
                self.registry.register("taken")
            self.assertIsInstance(caught.exception, kreg.NameTaken)
            self.assertEqual(caught.exception.holder, self.registry.self())
            self.assertIn("exists already", str(caught.exception))
        with self.assertRaises(FileNotFoundError):
            kreg.Registry("none", existing=True)
        with self.assertRaisesRegex(kreg.Error, "kreg_register_with: key is empty"):
            self.registry.register("")
        for cut in (lambda: kreg.Registry("default\0x"), lambda: kreg.Registry("default", directory="/dev/shm\0x"),
                    lambda: self.registry.start("space\0x", "role", ["true"]),
                    lambda: self.registry.start("space", "role", ["true", "a\0b"]),
                    lambda: self.registry.service_state("space", "role\0x"),
                    lambda: kreg.Isolation(self.registry, "services.ini\0x")):
            with self.assertRaisesRegex(kreg.Error, "a NUL is in") as bad:
                cut()
            self.assertEqual(bad.exception.errno, errno.EINVAL)
        with self.assertRaisesRegex(kreg.Error, "too long"):
            self.registry.register("k" * 256)
        with self.assertRaisesRegex(kreg.Error, "none"):
            kreg.Registry("none", existing=True)
        closed = kreg.Registry("default")
        closed.close()
        with self.assertRaises(kreg.Error) as bad:
            closed.lookup("a")
        self.assertEqual(bad.exception.errno, errno.EBADF)

    def test_changes(self) -> None:
        with self.registry.register("b", "1", reserved=True) as name:
            self.assertIsNone(self.registry.lookup("b"))
            name.publish("2")
            name.update("3")
            self.assertEqual(self.registry["b"].text, "3")
        with self.registry.register("list/1", "x"), self.registry.register("other"):
            self.assertEqual([entry.key for entry in self.registry.entries("list/")], [b"list/1"])

    def test_taken_over(self) -> None:
        name = self.registry.register("flags", "first")
        name.set_flags(replaceable=True, drop=True)
        self.assertEqual((name.waiting, name.ahead(), self.registry["flags"].value), (False, 0, b"first"))
        taker = self.spawn(sys.executable, "-c", SERVICE.replace('"of python"', '"second", replace=True'), "flags")
        assert taker.stdout and taker.stdout.readline() == "ready\n"
        self.assertEqual(self.registry["flags"].value, b"second")
        self.assertRaises(kreg.NotPermitted, name.ahead)
        taker.kill()
        taker.wait()
        self.assertNotIn("flags", self.registry)

    def test_counters(self) -> None:
        with self.registry.register("hits", kreg.counter(-1)) as hits:
            self.assertEqual(self.registry["hits"].number, -1)
            self.assertEqual([hits.add(3), hits.add(1, threshold=2, to=-5), hits.reset(4), hits.reset()], [2, -5, -5, 4])
            self.assertEqual(hits.add(7), 7)
            self.assertEqual(self.registry.counter_sum("hits"), 7)

    def test_pool(self) -> None:
        pool = self.registry.pool_of_prefix("pool/")
        self.assertIsNone(pool.next())
        with self.registry.register("pool/1", kreg.counter(1)), self.registry.register("pool/2", kreg.counter(0)) as two:
            turns = [(pool.next(), pool.key)[1] for _ in range(4)]
            self.assertEqual(turns[:2], turns[2:])
            self.assertEqual(set(turns), {b"pool/1", b"pool/2"})
            self.assertEqual((pool.least().number, pool.key), (0, b"pool/2"))
            two.add(9)
            self.assertEqual((pool.least().number, pool.key), (1, b"pool/1"))
            chosen = pool.worker_for("customer 7"), pool.key
            self.assertEqual((pool.worker_for(b"customer 7"), pool.key), chosen)
            self.assertEqual(self.registry.pool("pool/1").next().owner, self.registry.self())
        self.assertIsNone(pool.worker_for("customer 7"))

    def test_name_ends_with_its_object(self) -> None:
        name = self.registry.register("object")
        del name
        self.assertNotIn("object", self.registry)

    def test_unregister_all(self) -> None:
        with kreg.Registry("default") as other:
            before = len(self.registry)
            names = [self.registry.register("all/mine"), other.register("all/other")]
            self.assertEqual(self.registry.unregister_all(), 1)
            self.assertNotIn("all/mine", self.registry)
            self.assertIn("all/other", self.registry)
            self.assertEqual(self.registry.unregister_all(process=True), 1)
            self.assertNotIn("all/other", self.registry)
            self.assertEqual(len(self.registry), before)
            for name in names:
                name.unregister()

    def test_lock(self) -> None:
        with self.registry.lock("l"):
            with self.assertRaises(TimeoutError):
                with self.registry.lock("l", timeout=0):
                    self.fail("held twice")
        with self.registry.lock("l", timeout=0):
            pass

    def test_others(self) -> None:
        me = self.registry.self()
        self.registry.allow_others()
        self.registry.register_for(me, "for", "1")
        with self.assertRaises(kreg.NameTaken) as taken:
            self.registry.register_for(me, "for", "2")
        self.assertEqual(taken.exception.holder, me)
        self.registry.update_for(me, "for", "3")
        self.assertEqual(self.registry["for"].text, "3")
        self.assertEqual(self.registry.unregister_for(me, "for"), 1)
        self.assertNotIn("for", self.registry)
        self.registry.allow_others(False)

    def test_remote(self) -> None:
        far, farther = kreg.Remote("far", token=3, start=5, pid=77, uid=1001), kreg.Remote("farther", stale=True)
        with self.registry.register_remote("remote", "there", far) as name, self.registry.register("mine"):
            self.assertEqual((self.registry["remote"].text, self.registry.remote_host("remote")), ("there", far))
            self.assertIsNone(self.registry.remote_host("mine"))
            self.assertIsNone(self.registry.remote_host("nobody"))
            name.update_remote("elsewhere", farther)
            self.assertEqual((self.registry["remote"].text, self.registry.remote_host("remote")), ("elsewhere", farther))
            with self.assertRaises(kreg.Error) as refused:
                name.update("mine")
            self.assertEqual(refused.exception.errno, errno.EREMOTE)
            with self.assertRaises(kreg.NameTaken) as taken:
                self.registry.register_remote("mine", "", far)
            self.assertEqual(taken.exception.holder, self.registry.self())
        self.assertNotIn("remote", self.registry)
        self.assertRaises(kreg.Error, lambda: name.update_remote("again", far))
        for host in ("", "h" * 65, "h" * 100, "h\0st"):
            with self.assertRaises(kreg.Error) as bad:
                self.registry.register_remote("none", "", kreg.Remote(host))
            self.assertEqual(bad.exception.errno, errno.EINVAL)
        with self.registry.register_remote("yields", "there", far, replaceable=True):
            service = self.service("yields")
            self.assertEqual((self.registry["yields"].owner.pid, self.registry.remote_host("yields")), (service.pid, None))

    def test_fork(self) -> None:
        with self.registry.register("fork", "parent") as name:
            pid = os.fork()
            if not pid:
                try:
                    right = self.registry["fork"].text == "parent"
                    name.unregister()
                    self.registry.close()
                    os._exit(0 if right else 1)
                finally:
                    os._exit(2)
            self.assertEqual(os.waitpid(pid, 0)[1], 0)
            self.assertIn("fork", self.registry)


class Deaths(Case):
    def test_python_finds_c(self) -> None:
        program = self.spawn(REGTOOL, "run", "c_service", "--value", "of c", "--", "sleep", "1000")
        owner = self.registry.wait_blocking("c_service", 30)
        self.assertEqual(self.registry["c_service"].text, "of c")
        os.kill(owner.pid, signal.SIGKILL)
        program.wait()
        self.assertNotIn("c_service", self.registry)
        self.registry.wait_gone_blocking("c_service", owner, 30)

    def test_c_finds_python(self) -> None:
        service = self.service("python_service")
        shown = regtool("get", "python_service")
        self.assertEqual((shown.returncode, service.pid), (0, self.registry["python_service"].owner.pid))
        self.assertIn("of python", shown.stdout)
        service.kill()
        service.wait()
        self.assertNotEqual(regtool("get", "python_service").returncode, 0)

    def test_asyncio(self) -> None:
        async def main() -> "list[kreg.EventType]":
            seen = []
            async with kreg.Registry("default") as registry, registry.listen("async/") as events:
                waiting = asyncio.ensure_future(registry.wait("async/a"))
                await asyncio.sleep(0)
                service = self.service("async/a")
                found = await asyncio.wait_for(waiting, 30)
                self.assertEqual(found.owner.pid, service.pid)
                gone = asyncio.ensure_future(registry.wait_gone("async/a", found.owner))
                service.kill()
                await asyncio.wait_for(gone, 30)
                async for event in events:
                    seen.append(event.type)
                    if event.type is kreg.EventType.PURGE:
                        break
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(registry.wait("async/nobody"), 0.01)
            return seen

        self.assertEqual(asyncio.run(main()), [kreg.EventType.REGISTER, kreg.EventType.PURGE])


    def test_asyncio_lines(self) -> None:
        async def main() -> None:
            async with self.registry.lock_async("async/lock"):
                with self.assertRaises(TimeoutError), self.registry.lock("async/lock", timeout=0):
                    self.fail("held twice")
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(self.enter("async/lock"), 0.01)
                waiting = asyncio.ensure_future(self.enter("async/lock"))
                await asyncio.sleep(0)
                self.assertFalse(waiting.done())
            await asyncio.wait_for(waiting, 30)
            service = self.service("async/line")
            name = self.registry.register("async/line", queue=True)
            self.assertTrue(name.waiting)
            turn = asyncio.ensure_future(name.turn())
            await asyncio.sleep(0)
            self.assertFalse(turn.done())
            service.kill()
            await asyncio.wait_for(turn, 30)
            self.assertEqual(self.registry["async/line"].owner, self.registry.self())
            name.unregister()
            with self.assertRaises(kreg.NotFound):
                await name.turn()

        asyncio.run(main())

    async def enter(self, key: str) -> None:
        async with self.registry.lock_async(key):
            pass

    def test_closing_ends_waits(self) -> None:
        async def main() -> None:
            registry = kreg.Registry("default")
            waiting = [asyncio.ensure_future(registry.wait("nobody")) for _ in range(3)]
            waiting.append(asyncio.ensure_future(registry.listen().__anext__()))
            await asyncio.sleep(0)
            waiting[0].cancel()
            with self.assertRaises(asyncio.CancelledError):
                await waiting[0]
            registry.close()
            for task in waiting[1:]:
                with self.assertRaises(kreg.Error):
                    await asyncio.wait_for(task, 30)

        asyncio.run(main())


class Services(Case):
    def test_start_and_isolation(self) -> None:
        with kreg.Isolation(self.registry) as isolation:
            started = isolation.start("server", ["sleep", "1000"], value="v")
            self.assertEqual(self.registry[isolation.key("server")], (b"v", started.owner))
            with self.assertRaises(kreg.NameTaken) as caught:
                isolation.start("server", ["sleep", "1000"])
            self.assertEqual(caught.exception.holder, started.owner)
            with self.assertRaises(kreg.Error) as missing:
                isolation.start("other", ["/no/such/program"])
            self.assertEqual(missing.exception.errno, errno.ENOEXEC)
            key = isolation.key("server")
        self.assertNotIn(key, self.registry)
        self.assertEqual(started.wait(), -signal.SIGTERM)

    def test_states(self) -> None:
        self.assertIsNone(self.registry.service_state("states", "worker"))
        self.assertEqual(self.registry.service_states(), [])
        services = tempfile.NamedTemporaryFile("w", suffix=".ini")
        self.addCleanup(services.close)
        services.write("[Service worker]\nExecStart=sleep 1000\n")
        services.flush()
        up = self.spawn(REGTOOL, "up", services.name, "--namespace", "states")
        owner = self.registry.wait_blocking("states/worker", 30)
        # The name comes first.
        while (state := self.registry.service_state("states", "worker")) and state.state is kreg.State.STARTING:
            pass
        assert state
        self.assertEqual(
            (state.state, state.owner, state.supervisor.pid, state.restarts, state.error, state.exitcode, state.restart_in),
            (kreg.State.RUNNING, owner, up.pid, 0, 0, None, None),
        )
        self.assertEqual([(of.space, of.role, of.owner) for of in self.registry.service_states("states")],
                         [("states", "worker", owner)])
        self.assertEqual(len(self.registry.service_states()), 1)
        self.assertEqual(self.registry.service_states("others"), [])
        up.send_signal(signal.SIGSTOP)
        os.kill(owner.pid, signal.SIGKILL)
        self.registry.wait_gone_blocking("states/worker", owner, 30)
        ended = self.registry.service_state("states", "worker")
        assert ended
        self.assertEqual((ended.state, ended.owner), (kreg.State.ENDED, owner))
        up.send_signal(signal.SIGCONT)
        while (state := self.registry.service_state("states", "worker")) and state.exitcode is None:
            pass
        assert state
        self.assertEqual(state.exitcode, -signal.SIGKILL)
        up.terminate()
        up.wait()
        self.assertIsNone(self.registry.service_state("states", "worker"))
        for space in ("", "a b"):
            with self.assertRaises(kreg.Error) as bad:
                self.registry.service_states(space)
            self.assertEqual(bad.exception.errno, errno.EINVAL)

    def test_a_name_that_is_taken_over_is_one_event(self) -> None:
        with self.registry.register("taken", replaceable=True), self.registry.listen("taken") as events:
            child = self.spawn(sys.executable, "-c", SERVICE.replace("python\")", "python\", replace=True)"), "taken")
            assert child.stdout and child.stdout.readline() == "ready\n"
            event = events.next()
            assert event and event.previous
            self.assertEqual((event.type, event.owner.pid), (kreg.EventType.TAKEN, child.pid))
            self.assertEqual(event.previous, self.registry.self())

    def test_registry_ends_what_is_open(self) -> None:
        registry = kreg.Registry("default")
        listener = registry.listen()
        registry.close()
        self.assertRaises(kreg.Error, listener.next)


if __name__ == "__main__":
    unittest.main(verbosity=2)
