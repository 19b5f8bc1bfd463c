"""Exchanges on loopback: HTTP servers that answer as Binance, OKX, Bybit, Coinbase and alternative.me do.

They are fed by a folder of recordings (`replay.recordings.RecordedMarket`) or by a seeded synthetic market
(`replay.synthetic.SyntheticMarket`), and say in every answer which of the two it is. Start one in a test with
`replay.server.ReplayServer`, in a process of its own with `replay.process.ReplayProcess`, or from a shell with
`python -m replay`.
"""
