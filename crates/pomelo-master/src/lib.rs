//! The control-plane process: registry, console modules, promotion.
