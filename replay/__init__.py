"""Exchanges on loopback: HTTP servers that behave like Binance, OKX, Bybit, Coinbase and alternative.me.

They serve a folder of recordings (`replay.recordings.RecordedMarket`) or a seeded synthetic market
(`replay.synthetic.SyntheticMarket`), and name it in every response. Start one in a test with
`replay.server.ReplayServer`, in a separate process with `replay.process.ReplayProcess`, or from a shell with
`python -m replay`.
"""
