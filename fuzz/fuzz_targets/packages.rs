//! Raw TCP of a client: any bytes in any chunks give the packages they hold in one piece, within the limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pomelo_protocol::{
    message::Message,
    package::{HEAD_BYTES, Package, PackageDecoder, PackageError, PackageKind},
};

const BODY_BYTES_MAX: usize = 512;

fuzz_target!(|data: &[u8]| {
    let Some((&chunk_bytes, stream)) = data.split_first() else { return };
    let mut decoder = PackageDecoder::new(BODY_BYTES_MAX);
    let mut chopped = Vec::new();
    for chunk in stream.chunks(usize::from(chunk_bytes).max(1)) {
        decoder.feed(chunk);
        while let Ok(Some(package)) = decoder.next() {
            if package.kind == PackageKind::Data {
                let _ = Message::decode(package.body.clone());
            }
            chopped.push(package);
        }
        assert!(decoder.buffered_bytes() < HEAD_BYTES + BODY_BYTES_MAX);
    }
    let whole = Package::all(stream.to_vec().into(), BODY_BYTES_MAX);
    let mut packages = Vec::new();
    for package in whole {
        match package {
            Ok(package) => packages.push(package),
            Err(PackageError::Truncated(left_bytes)) => assert_eq!(decoder.buffered_bytes(), left_bytes),
            Err(error) => assert_eq!(decoder.next(), Err(error)),
        }
    }
    assert_eq!(packages, chopped);
});
