"""A building's side: a small MQTT broker, and a BMS that reads and limits over MQTT and Modbus."""
