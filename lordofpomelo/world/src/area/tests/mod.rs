//! Scenarios of whole areas.
