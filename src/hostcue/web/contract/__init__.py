"""The bodies of REST, with the contract's names and an example each."""
