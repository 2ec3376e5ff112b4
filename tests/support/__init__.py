"""What tests of several folders use. No folder of tests imports another, except this one."""
