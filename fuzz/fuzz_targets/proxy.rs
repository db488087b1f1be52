//! The first bytes of a connection from a proxy: any bytes are a header, an error or too few, and which of them depends on
//! nothing behind the header nor on how they were chopped.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pomelo_protocol::proxy::{HEADER_BYTES_MAX, ProxyHeader};

fuzz_target!(|data: &[u8]| {
    let whole = ProxyHeader::parse(data);
    assert!(data.len() < HEADER_BYTES_MAX || whole != Ok(None));
    let first = (0..data.len()).map(|end| ProxyHeader::parse(&data[..end])).find(|found| *found != Ok(None));
    if let Some(first) = first {
        assert_eq!(first, whole);
    }
    if let Ok(Some((_, header_bytes))) = whole {
        assert_eq!(ProxyHeader::parse(&data[..header_bytes]), whole);
        assert!(header_bytes == 0 || ProxyHeader::parse(&data[..header_bytes - 1]) == Ok(None));
    }
});
