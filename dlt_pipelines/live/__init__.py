"""The live reader: closed one-minute bars and best bid/ask from the venues' WebSockets into raw tables of their own.

One asyncio process without dlt, ccxt and pandas. Only frames that the venue calls closed are kept; a frame is stored as
sent; a bar that no socket brought is asked for by REST. Nothing here claims anything in the ledger (ops.coverage), so
`mdw update` asks REST for every minute as if no reader ran. Why: docs/realtime_feed_proposal.md.
"""
