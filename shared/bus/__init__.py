"""Event transports: Pub/Sub or Kafka, behind one port."""
