//! Whole clusters of real processes; the tests are in `tests/`.
