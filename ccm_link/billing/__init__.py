"""What a patient's month may be billed as: dated tables of rules, and pure functions over them."""
