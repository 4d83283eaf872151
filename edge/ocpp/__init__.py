"""The OCPP proxy: between each station and its cloud, one relay that passes bytes and copies facts."""
