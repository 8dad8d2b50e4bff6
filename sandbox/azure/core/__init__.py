"""What all resource providers of the simulator stand on."""
