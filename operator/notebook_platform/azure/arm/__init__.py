"""What the Azure steps stand on: session, operations, errors, throttling, ownership."""
