//! What the comparisons with the real kernel (`sim::parity_tests`, `model::conformance`) do not reach.
