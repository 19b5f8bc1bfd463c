"""The live reader: closed one-minute bars and best bid/ask from the venues' WebSockets into separate raw tables.

One asyncio process without dlt, ccxt and pandas. Only frames that the venue marks as closed are kept; a frame is stored
as sent; a bar that did not arrive by WebSocket is requested by REST. Nothing here counts as coverage (ops.coverage), so
`mdw update` requests every minute by REST as if no reader were running. Reasons: docs/realtime_feed_proposal.md.
"""
