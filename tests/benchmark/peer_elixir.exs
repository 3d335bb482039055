# SPDX-License-Identifier: MIT
#
# Elixir's Registry in the table of peers: reads a number (enum peer_measure of peer.h) from each line of the
# standard input, measures that, and writes the result. The end of the input ends it.

defmodule Peer do
  @names 1000
  @lookups 100_000
  @pairs 20_000

  def name(number), do: "kreg.benchmark.n" <> String.pad_leading(Integer.to_string(number), 8, "0")

  def now, do: System.monotonic_time(:nanosecond)

  def measure(0, keys) do
    wanted = for _ <- 1..@lookups, do: elem(keys, :rand.uniform(@names) - 1)
    start = now()
    Enum.each(wanted, fn key -> [{_, _}] = Registry.lookup(Peer.Names, key) end)
    (now() - start) / @lookups
  end

  def measure(1, _keys) do
    key = name(@names)
    start = now()

    for _ <- 1..@pairs do
      {:ok, _} = Registry.register(Peer.Names, key, 1)
      :ok = Registry.unregister(Peer.Names, key)
    end

    (now() - start) / @pairs
  end

  def measure(2, _keys) do
    {pid, keys} = owner()
    start = now()
    Process.exit(pid, :kill)
    until_gone(List.last(keys))
    gone = (now() - start) / 1000
    until_counted()
    gone
  end

  def measure(3, _keys) do
    {pid, _keys} = owner()
    monitor = Process.monitor(pid)
    Process.exit(pid, :kill)

    receive do
      {:DOWN, ^monitor, _, _, _} -> :ok
    end

    # Registry.lookup() of a unique key asks whether the process lives; count(), as select() and dispatch(), does not.
    still = Registry.count(Peer.Names) - @names
    until_counted()
    still
  end

  defp owner do
    keys = for i <- 1..@names, do: name(@names + i)
    asker = self()

    pid =
      spawn(fn ->
        Enum.each(keys, fn key -> {:ok, _} = Registry.register(Peer.Names, key, 1) end)
        send(asker, :ready)
        Process.sleep(:infinity)
      end)

    receive do
      :ready -> {pid, keys}
    end
  end

  defp until_gone(key) do
    case Registry.lookup(Peer.Names, key) do
      [] -> :ok
      _ -> until_gone(key)
    end
  end

  # The next owner takes the same names.
  defp until_counted do
    if Registry.count(Peer.Names) > @names, do: until_counted()
  end

  def serve(keys) do
    case IO.gets("") do
      line when is_binary(line) ->
        IO.puts(measure(line |> String.trim() |> String.to_integer(), keys) * 1.0)
        serve(keys)

      _ ->
        :ok
    end
  end

  def start do
    {:ok, _} = Registry.start_link(keys: :unique, name: Peer.Names)
    keys = for i <- 0..(@names - 1), do: name(i)
    Enum.each(keys, fn key -> {:ok, _} = Registry.register(Peer.Names, key, 1) end)
    IO.puts("ready")
    serve(List.to_tuple(keys))
  end
end

Peer.start()
