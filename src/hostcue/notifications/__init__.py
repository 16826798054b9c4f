"""Words to people who are not looking at the page: webhooks and chat channels."""
