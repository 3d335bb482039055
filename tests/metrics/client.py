# SPDX-License-Identifier: MIT
"""Clients of `regtool metrics --listen`, good and bad ones, for tests/cli_serve.sh. ADDRESS is a path or HOST:PORT.

   client.py ask ADDRESS METHOD PATH FILE [FIELD ...]   one request; the status and the fields of the answer are printed,
                                                its body is in FILE; a FIELD is as it is sent, "Name: value"
   client.py raw ADDRESS TEXT                   sends TEXT, of which \\r and \\n are escaped; prints what comes
   client.py drip ADDRESS COUNT                 COUNT connections that send a request, a byte at a time, until each has
                                                been ended; "there" when all are there, then how old the oldest became
   client.py stall ADDRESS COUNT                COUNT connections that ask and do not read, until stdin ends
   client.py lock FOLDER                        locks it until stdin ends; "there" when it has
   client.py scrape ADDRESS SECONDS             as often as it can; prints how many answers it had, none of them cut
   client.py fresh ADDRESS REGTOOL COUNT        makes COUNT registries; exit status 1 if one is not in the next text
   client.py early ADDRESS REGTOOL              connects, lets another client ask, makes a registry, and asks; exit status 1
                                                if it is not there
   client.py notified PATH                      prints what is sent to a socket there, until STOPPING=1
"""
import fcntl
import os
import select
import socket
import subprocess
import sys
import time

LIMIT = 60


def connect(address):
    if address.startswith("/"):
        s = socket.socket(socket.AF_UNIX)
    else:
        host, port = address.rsplit(":", 1)
        s = socket.socket(socket.AF_INET6 if "[" in host else socket.AF_INET)
        address = host.strip("[]"), int(port)
    s.settimeout(LIMIT)
    s.connect(address)
    return s


def exchange(address, request):
    with connect(address) as s:
        answer = b""
        try:
            s.sendall(request)
            while more := s.recv(65536):
                answer += more
        except (BrokenPipeError, ConnectionResetError):
            pass
        return answer


def ask(address, method="GET", path="/metrics", fields=("Host: localhost",)):
    request = "\r\n".join(["%s %s HTTP/1.1" % (method, path), *fields, "", ""])
    head, _, body = exchange(address, request.encode()).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
    if method != "HEAD" and len(body) != int(fields["content-length"]):
        sys.exit("%d of %s bytes" % (len(body), fields["content-length"]))
    return lines[0].split()[1], fields, body


def main_ask(address, method, path, file, *fields):
    if not any(field.lower().startswith("host:") for field in fields):
        fields = ("Host: localhost", *fields)
    status, got, body = ask(address, method, path, fields)
    with open(file, "wb") as f:
        f.write(body)
    print(status)
    for name, value in got.items():
        print("%s: %s" % (name, value))


def main_raw(address, text):
    print(exchange(address, text.replace("\\r", "\r").replace("\\n", "\n").encode()).decode())


def main_drip(address, count):
    begun = time.monotonic()
    left = [connect(address) for _ in range(int(count))]
    print("there", flush=True)
    age = 0
    while left and time.monotonic() - begun < LIMIT:
        for s in list(left):
            try:
                s.send(b"G")
                ended = select.select([s], [], [], 0)[0] and not s.recv(4096)
            except OSError:
                ended = True
            if ended:
                age = time.monotonic() - begun
                left.remove(s)
        time.sleep(0.1)
    print("%d left, %d seconds" % (len(left), age))


def main_stall(address, count):
    there = []
    for _ in range(int(count)):
        s = connect(address)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        except OSError:
            pass  # others came, and it was the oldest
        there.append(s)
    print("there", flush=True)
    sys.stdin.read()


def main_lock(folder):
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)
    print("there", flush=True)
    sys.stdin.read()


def main_scrape(address, seconds):
    end, count = time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        status, _, body = ask(address)
        if status != "200" or not body.endswith(b"\n"):
            sys.exit("%s: %r" % (status, body[-100:]))
        count += 1
    print(count)


def main_fresh(address, regtool, count):
    for i in range(int(count)):
        name = "fresh%d" % i
        subprocess.run([regtool, "create", name], check=True)
        if b'kreg_registry_up{registry="%s"' % name.encode() not in ask(address)[2]:
            sys.exit("%s is not there" % name)
        subprocess.run([regtool, "destroy", name], check=True)


def main_early(address, regtool):
    with connect(address) as s:
        ask(address)
        subprocess.run([regtool, "create", "early"], check=True)
        s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = b"".join(iter(lambda: s.recv(65536), b""))
    subprocess.run([regtool, "destroy", "early"], check=True)
    sys.exit(b'kreg_registry_up{registry="early"' not in text)


def main_notified(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(LIMIT)
        text = ""
        while "STOPPING=1" not in text:
            text = s.recv(4096).decode()
            print(text, flush=True)
    os.unlink(path)


if __name__ == "__main__":
    globals()["main_" + sys.argv[1]](*sys.argv[2:])
