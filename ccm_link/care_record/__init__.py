"""The record that a practice's care is kept in: this system's own, or an EHR, to which what happens here is sent."""
