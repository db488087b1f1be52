//! Names of routes: `serverType.handler.method` for what clients ask, one free word for what servers push.
//!
//! How a route is written in a message (as text or as a code) is in [`crate::message`], which codes there are is in
//! [`crate::dictionary`].

/// Longest route in bytes: a message gives its length one byte.
pub const ROUTE_BYTES_MAX: usize = 255;

/// Whether `route` names a handler: three parts that are not empty, parted by dots, together at most
/// [`ROUTE_BYTES_MAX`] bytes. Works in constants, so that a malformed route need not compile.
///
/// ```
/// const _: () = assert!(pomelo_protocol::route::is_valid("chat.chatHandler.send"));
/// assert!(!pomelo_protocol::route::is_valid("chat.send"));
/// ```
pub const fn is_valid(route: &str) -> bool {
    let bytes = route.as_bytes();
    if bytes.len() > ROUTE_BYTES_MAX {
        return false;
    }
    let (mut parts, mut part_begin, mut i) = (1, 0, 0);
    while i < bytes.len() {
        match bytes[i] {
            b'.' if i == part_begin => return false,
            b'.' => (parts, part_begin) = (parts + 1, i + 1),
            ..=b' ' | 0x7f => return false,
            _ => {}
        }
        i += 1;
    }
    parts == 3 && i > part_begin
}

/// Which type of server answers `route`; `None` when it names no handler.
pub fn server_type(route: &str) -> Option<&str> {
    if is_valid(route) { route.split('.').next() } else { None }
}

/// Server type, handler and method of `route`; `None` when it names no handler.
pub fn parts(route: &str) -> Option<(&str, &str, &str)> {
    if !is_valid(route) {
        return None;
    }
    let (server_type, rest) = route.split_once('.')?;
    let (handler, method) = rest.split_once('.')?;
    Some((server_type, handler, method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_exactly_three_parts_that_are_not_empty() {
        assert!(is_valid("chat.chatHandler.send"));
        assert!(is_valid("区域.玩家.移动"));
        for bad in
            ["", ".", "..", "a", "a.b", "a.b.", ".b.c", "a..c", "a.b.c.d", "a.b.c.", "a b.c.d", "a.b.c\n"]
        {
            assert!(!is_valid(bad), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_route_that_does_not_fit_its_length_byte_is_not_valid() {
        assert!(is_valid(&format!("a.b.{}", "c".repeat(251))));
        assert!(!is_valid(&format!("a.b.{}", "c".repeat(252))));
    }

    #[test]
    fn the_first_part_is_the_server_type() {
        assert_eq!(server_type("chat.chatHandler.send"), Some("chat"));
        assert_eq!(server_type("onChat"), None);
        assert_eq!(parts("a.b.c"), Some(("a", "b", "c")));
    }
}
