//! A Pomelo client over WebSocket or TCP: robots, load generators, tests.
