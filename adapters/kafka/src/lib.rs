//! Kafka through librdkafka: input, topics, notebook, ticks.
