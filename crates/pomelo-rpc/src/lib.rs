//! A link between two servers: correlation, deadlines, batching, reconnect.
