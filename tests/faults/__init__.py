"""What holds while parts are killed, hung or cut off."""
