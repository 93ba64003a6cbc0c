"""Files of impedance analysers, recognised by what they hold."""
