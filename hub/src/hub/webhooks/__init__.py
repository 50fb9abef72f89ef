"""Door 2: facts posted to the endpoints of subscribers, by Standard Webhooks."""
